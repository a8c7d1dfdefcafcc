"""What bad input gets: a clear sentence, the right status or exit code, and a server that goes on."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest
from conftest import BUNDLED, CHARTER, Server, charter

USAGE, DATAERR, NOINPUT, UNAVAILABLE = 64, 65, 66, 69


def call(server, method="POST", path="/v1/chat/completions", body=None, raw=None, key=None, headers=()):
    """Status, headers and decoded body, by curl: no client library tidies the request up."""
    command = ["curl", "-sS", "-i", "-X", method, server.url + path, "-H", "Content-Type: application/json",
               "-H", f"Authorization: Bearer {key or server.ready['api_key']}"]
    for header in headers:
        command += ["-H", header]
    data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
    if data is not None:
        command += ["--data-binary", "@-"]
    done = subprocess.run(command, input=data, capture_output=True, timeout=60)
    head, _, text = done.stdout.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 100"):
        head, _, text = text.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    return status, head.decode().lower(), json.loads(text) if text.strip() else None


def chat(server, **more):
    return {"model": server.ready["models"][0], "messages": [{"role": "user", "content": "Hi"}], **more}


@pytest.mark.parametrize("change, status, code, param", [
    ({"messages": []}, 400, "empty_array", "messages"),
    ({"messages": "hi"}, 400, "invalid_type", "messages"),
    ({"messages": [{"role": "wizard", "content": "x"}]}, 400, "invalid_value", "messages[0].role"),
    ({"temperature": "hot"}, 400, "invalid_type", "temperature"),
    ({"temperature": -1}, 400, "decimal_below_min_value", "temperature"),
    ({"top_p": 1.5}, 400, "decimal_above_max_value", "top_p"),
    ({"max_tokens": 5, "max_completion_tokens": 5}, 400, None, None),
    ({"n": 1000}, 400, "integer_above_max_value", "n"),
    ({"stop": ["a"] * 5}, 400, "array_above_max_length", "stop"),
    ({"top_logprobs": 3}, 400, None, "top_logprobs"),
    ({"stream_options": {"include_usage": True}}, 400, None, "stream_options"),
    ({"no_such_parameter": 1}, 400, "unknown_parameter", "no_such_parameter"),
    ({"model": None}, 400, None, None),
    ({"model": "gpt-9"}, 404, "model_not_found", None),
])
def test_requests_that_are_wrong(server, change, status, code, param):
    got, _, body = call(server, body=chat(server, **change))
    assert got == status, body
    error = body["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["type"] == "invalid_request_error"
    assert isinstance(error["message"], str) and len(error["message"]) > 10
    if code:
        assert error["code"] == code
    if param:
        assert error["param"] == param


@pytest.mark.parametrize("raw", [b"{", b"", b"[1,2", b"\xff\xfe", b'{"a":1,"a":2}', b"null", b"[" * 5000, b'{"model":"\\ud800"}'])
def test_bodies_that_are_not_json(server, raw):
    status, _, body = call(server, raw=raw)
    assert status == 400 and body["error"]["type"] == "invalid_request_error"


def test_routes_and_methods(server):
    status, _, body = call(server, path="/v1/nothing", body={})
    assert status == 404 and "Invalid URL (POST /v1/nothing)" in body["error"]["message"]
    status, _, body = call(server, method="GET", path="/v1/embeddings")
    assert status == 405 and body["error"]["code"] == "method_not_supported"
    assert call(server, method="GET", path="/v1/models/nope")[0] == 404


def test_a_body_that_is_too_large(server):
    status, _, body = call(server, raw=b'{"model":"' + b"x" * (80 << 20) + b'"}')
    assert status == 413 and set(body["error"]) == {"message", "type", "param", "code"}


def test_keys(server):
    for key in ["sk-no", "sk-charter-" + "0" * 40, server.ready["api_key"][:-1]]:
        status, _, body = call(server, body=chat(server), key=key)
        assert status == 401 and body["error"]["code"] == "invalid_api_key" and key not in json.dumps(body)
    bare = subprocess.run(["curl", "-sS", server.url + "/v1/models"], capture_output=True, timeout=30)
    assert "You didn't provide an API key" in json.loads(bare.stdout)["error"]["message"]
    assert server.ready["api_key"] not in server.log_path.read_text().split("api_key")[0]


def test_no_secret_is_written_anywhere(server):
    """Keys, right and wrong, and sign-in tokens: neither the log nor a file of the data folder has one."""
    canary = "sk-canary-5f2c9a7e1b3d48c6a0e95b1d"
    for path, body in [("/v1/chat/completions", chat(server, max_tokens=2)), ("/v1/chat/completions", chat(server, temperature=9)),
                       ("/v1/messages", {"model": server.ready["models"][0], "max_tokens": 2, "messages": []}), ("/v1/nothing", {})]:
        call(server, path=path, body=body)
        status, _, answer = call(server, path=path, body=body, key=canary)
        assert status >= 400 and canary not in json.dumps(answer)
    secrets = [server.ready["api_key"].encode(), canary.encode(), server.ready["owner_link"].rsplit("=", 1)[1].encode()]
    files = [path for path in pathlib.Path(server.data).rglob("*") if path.is_file()]
    assert len(files) > 3
    for path in files:
        assert not any(secret in path.read_bytes() for secret in secrets), path
    log = server.log_path.read_bytes()
    assert canary.encode() not in log
    said = [line for line in log.splitlines() if line.startswith(b"{") and any(secret in line for secret in secrets)]
    assert not said, said[:2]


@pytest.mark.parametrize("body", [
    b'{"model":"m","messages":' + b"[" * 200 + b"]" * 200 + b"}",
    b'{"model":"m","model":"n","messages":[]}',
    b'{"model":"m","messages":[{"role":"user","content":"\\udfff"}]}',
    b'{"model":"m","temperature":1e999,"messages":[]}',
    b"\xef\xbb\xbf{}",
])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/messages"])
def test_json_that_readers_disagree_on(server, path, body):
    status, _, answer = call(server, path=path, raw=body)
    assert status == 400 and "JSON" in answer["error"]["message"]


def raw_http(server, request):
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as peer:
        peer.sendall(request)
        peer.shutdown(socket.SHUT_WR)
        answer = b""
        while part := peer.recv(65536):
            answer += part
    return answer


@pytest.mark.parametrize("request_bytes", [
    b"GET /v1/models HTTP/1.1\r\n\r\n",
    b"GET /v1/models HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX: a\r\n folded\r\n\r\n",
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET / HTTP/1.1\nHost: a\n\n",
])
def test_http_that_is_not_quite_http(server, request_bytes):
    answer = raw_http(server, request_bytes)
    assert not answer.startswith(b"HTTP/1.1 2"), answer[:200]
    assert call(server, method="GET", path="/v1/models")[0] == 200


def test_a_client_that_goes_away_frees_its_place(server):
    key = server.ready["api_key"]
    for _ in range(20):
        body = json.dumps(chat(server, stream=True, max_tokens=400, temperature=2, n=4)).encode()
        host, port = server.url.removeprefix("http://").split(":")
        peer = socket.create_connection((host, int(port)), timeout=10)
        peer.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key.encode() +
                     b"\r\nContent-Type: application/json\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body)
        peer.recv(100)
        peer.close()
    deadline = time.monotonic() + 10
    while True:
        metrics = subprocess.run(["curl", "-sS", server.url + "/metrics", "-H", f"Authorization: Bearer {key}"],
                                 capture_output=True, text=True, timeout=10).stdout
        active = [line for line in metrics.splitlines() if line.startswith("charter_engine_active")]
        assert active, metrics[:500]
        if all(float(line.split()[-1]) == 0 for line in active):
            break
        assert time.monotonic() < deadline, active
        time.sleep(0.02)


def test_a_port_in_use(server, tmp_path):
    port = server.url.rsplit(":", 1)[1]
    done = charter("serve", "--data", tmp_path / "other", "--listen", f"127.0.0.1:{port}", check=False)
    assert done.returncode == UNAVAILABLE and port in done.stderr and "in use" in done.stderr


def test_one_data_folder_one_server(server, tmp_path):
    done = charter("serve", "--data", server.data, "--listen", "127.0.0.1:0", check=False)
    assert done.returncode != 0 and str(server.data) in done.stderr


@pytest.mark.parametrize("arguments, code", [
    (["frobnicate"], USAGE),
    (["serve", "--no-such-option"], USAGE),
    (["serve", "--listen", "not an address"], USAGE),
    (["train", "--data", "/no/such/file.txt", "--out", "/tmp/unused-by-this-test"], NOINPUT),
    (["run", "/no/such/model", "hi"], NOINPUT),
    (["verify", "/no/such/bundle.json"], NOINPUT),
])
def test_command_lines_that_are_wrong(arguments, code):
    done = charter(*arguments, check=False)
    assert done.returncode == code, done.stderr
    assert done.stdout == "" and len(done.stderr) > 10


@pytest.mark.parametrize("name, content", [
    ("cut.gguf", b"GGUF\x03\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"),
    ("huge.gguf", b"GGUF" + b"\x03\x00\x00\x00" + b"\xff" * 200),
    ("empty.gguf", b""),
    ("text.gguf", b"not a model at all"),
    ("short.bin", b"\x01\x02"),
])
def test_model_files_that_lie(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    done = charter("run", tmp_path / name, "hi", check=False)
    assert done.returncode == DATAERR and name in done.stderr, (done.returncode, done.stderr)


def test_a_safetensors_file_cut_in_half(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(BUNDLED, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:weights.stat().st_size // 2])
    done = charter("run", folder, "hi", check=False)
    assert done.returncode == DATAERR and "model.safetensors" in done.stderr


def test_a_full_disk(tmp_path):
    """On a 4 MiB file system the first run says so, and does not start half a house."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", small], capture_output=True).returncode != 0:
        pytest.skip("cannot mount a tmpfs here")
    try:
        done = charter("serve", "--data", small / "data", "--listen", "127.0.0.1:0", "--ready", tmp_path / "ready", check=False)
        assert done.returncode == UNAVAILABLE and "full" in done.stderr.lower(), done.stderr
        assert not (tmp_path / "ready").exists()
    finally:
        subprocess.run(["umount", "-l", small], check=False)


def test_a_checkpoint_cut_in_half(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("the quick brown fox jumps over the lazy dog. " * 2000)
    train = ["train", "--data", text, "--out", tmp_path / "model", "--tokenizer", "char", "--preset", "char-0.8m", "--seed", 1]
    charter(*train, "--steps", 8)
    whole = (tmp_path / "model" / "model.safetensors").read_bytes()
    before, newest = sorted((tmp_path / "model" / "checkpoint").iterdir())
    resume = ["train", "--resume", "--out", tmp_path / "model"]
    newest.write_bytes(newest.read_bytes()[:newest.stat().st_size // 2])
    done = charter(*resume)  # goes on from the one before, to the same weights
    assert newest.name in done.stderr
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == whole
    for path in (tmp_path / "model" / "checkpoint").iterdir():
        path.write_bytes(path.read_bytes()[:1000])
    done = charter(*resume, check=False)
    assert done.returncode == DATAERR and before.suffix in done.stderr, (done.returncode, done.stderr)


def test_signals_drain(new_server):
    server = new_server()
    assert server.stop() == 0


def test_make_run_answers_twice(tmp_path):
    """`make run` is one step, the first time and the second."""
    root = pathlib.Path(CHARTER).parents[1]
    for first in (True, False):
        ready = tmp_path / "ready.json"
        ready.unlink(missing_ok=True)
        process = subprocess.Popen(["make", "-s", "run", f"DATA={tmp_path}/data", "LISTEN=127.0.0.1:0", f"READY={ready}"], cwd=root,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
        try:
            deadline = time.monotonic() + 300
            while not ready.exists():
                assert process.poll() is None and time.monotonic() < deadline, process.stdout.read()
                time.sleep(0.05)
            said = json.loads(ready.read_text())
            assert ("api_key" in said) == first and said["owner_link"].startswith(said["url"])
            if first:
                answer = subprocess.run(["curl", "-sS", said["url"].rstrip("/") + "/v1/models", "-H", f"Authorization: Bearer {said['api_key']}"],
                                        capture_output=True, text=True, timeout=30)
                assert json.loads(answer.stdout)["data"]
        finally:
            subprocess.run(["pkill", "-TERM", "-g", str(os.getpgid(process.pid)), "charter"], check=False)
            output, _ = process.communicate(timeout=60)
        assert said["owner_link"] in output
