"""What an operator relies on: TLS with a certificate that is replaced under a running server, traces, health."""
import http.server
import json
import signal
import ssl
import subprocess
import threading
import time
import urllib.request

import openai


def make_certificate(folder, common_name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj", f"/CN={common_name}",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)


def served_certificate(url):
    host, port = url.removeprefix("https://").rsplit(":", 1)
    return ssl.get_server_certificate((host, int(port)))


def test_https_and_a_new_certificate(new_server, tmp_path):
    make_certificate(tmp_path, "first")
    server = new_server("tls", "--tls-certificate", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem")
    assert server.url.startswith("https://")
    context = ssl.create_default_context(cafile=tmp_path / "cert.pem")
    client = openai.OpenAI(base_url=server.url + "/v1", api_key=server.ready["api_key"], http_client=openai.DefaultHttpxClient(verify=context))
    pieces = list(client.chat.completions.create(model="chat", messages=[{"role": "user", "content": "Hello"}], stream=True, max_tokens=4))
    assert pieces[-1].choices[0].finish_reason in ("stop", "length")

    before = served_certificate(server.url)
    make_certificate(tmp_path, "second")
    server.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 10
    while served_certificate(server.url) == before:
        assert time.monotonic() < deadline, server.log_text()
        time.sleep(0.05)

    (tmp_path / "cert.pem").write_text("not a certificate")
    after = served_certificate(server.url)
    server.process.send_signal(signal.SIGHUP)
    while "cert.pem" not in server.log_text():
        assert time.monotonic() < deadline + 10
        time.sleep(0.05)
    assert served_certificate(server.url) == after, "a bad certificate leaves the old one"


class Collector:
    """An OpenTelemetry collector that keeps the spans it is sent."""

    def __init__(self):
        spans = self.spans = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                assert self.path == "/v1/traces"
                for resource in body["resourceSpans"]:
                    for scope in resource["scopeSpans"]:
                        spans.extend(scope["spans"])
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


def test_a_request_is_a_span_of_its_callers_trace(new_server):
    collector = Collector()
    server = new_server("traced", "--otlp-endpoint", collector.url)
    trace = "0af7651916cd43dd8448eb211c80319c"
    request = urllib.request.Request(server.url + "/v1/models", headers={
        "authorization": "Bearer " + server.ready["api_key"], "traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    urllib.request.urlopen(request).read()
    urllib.request.urlopen(server.url + "/healthz").read()  # not sampled: nobody asked
    deadline = time.monotonic() + 15
    while not collector.spans:
        assert time.monotonic() < deadline, server.log_text()
        time.sleep(0.05)
    (span,) = collector.spans
    assert (span["traceId"], span["parentSpanId"]) == (trace, "b7ad6b7169203331")
    assert span["name"] == "GET /v1/models"
    attributes = {a["key"]: a["value"] for a in span["attributes"]}
    assert attributes["http.response.status_code"] == {"intValue": "200"}
    assert server.ready["api_key"] not in json.dumps(collector.spans)
