"""What clients store and what runs without them: files, uploads, batches, webhooks, through the official client."""
import base64
import hashlib
import http.server
import io
import json
import socket
import subprocess
import threading
import time

import openai
import pytest
from conftest import Server, charter

PRICE_IN, PRICE_OUT = 10_000_000, 30_000_000  # pico-dollars a token: $0.01 and $0.03 per 1,000


@pytest.fixture
def client(server):
    return openai.OpenAI(base_url=server.url + "/v1", api_key=server.ready["api_key"], max_retries=0)


@pytest.fixture
def model(server):
    return server.ready["models"][0]


def curl(server, *arguments, body=None, key=None):
    done = subprocess.run(
        ["curl", "-sS", "-i", "-H", f"Authorization: Bearer {key or server.ready['api_key']}", *arguments],
        input=body, capture_output=True, timeout=60)
    head, _, text = done.stdout.partition(b"\r\n\r\n")
    while head.startswith(b"HTTP/1.1 100"):
        head, _, text = text.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode().lower(), text


def wait_for(condition, timeout_s=60):
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


# --- files


def test_a_file_comes_back_as_it_was_sent(client):
    content = bytes(range(256)) * 9000  # over the size from which bodies are spooled
    file = client.files.create(file=("raw ünïcode 文.bin", content), purpose="user_data")
    assert file.id.startswith("file-") and file.object == "file" and file.status == "processed"
    assert (file.bytes, file.filename, file.purpose) == (len(content), "raw ünïcode 文.bin", "user_data")
    assert client.files.content(file.id).read() == content
    assert client.files.retrieve(file.id) == file
    assert client.files.wait_for_processing(file.id).status == "processed"
    deleted = client.files.delete(file.id)
    assert deleted.deleted and deleted.object == "file"
    for gone in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError, match=f"No such File object: {file.id}"):
            gone(file.id)


def test_files_expire_when_asked(client):
    file = client.files.create(file=("a.txt", b"x"), purpose="assistants",
                               expires_after={"anchor": "created_at", "seconds": 3600})
    assert file.expires_at == file.created_at + 3600
    with pytest.raises(openai.BadRequestError) as refused:
        client.files.create(file=("a.txt", b"x"), purpose="assistants",
                            expires_after={"anchor": "created_at", "seconds": 60})
    assert refused.value.param == "expires_after.seconds"


def test_lists_page_through_everything_also_while_deleting(new_server):
    server = new_server()
    client = openai.OpenAI(base_url=server.url + "/v1", api_key=server.ready["api_key"], max_retries=0)
    ids = [client.files.create(file=(f"{i}.txt", b"x"), purpose="batch" if i % 2 else "evals").id for i in range(7)]
    assert [f.id for f in client.files.list(limit=2)] == ids[::-1]
    assert [f.id for f in client.files.list(limit=3, order="asc")] == ids
    assert [f.id for f in client.files.list(purpose="evals", limit=1)] == ids[::2][::-1]
    page = client.files.list(limit=2, after=ids[3])
    assert [f.id for f in page.data] == [ids[2], ids[1]] and page.has_more
    for file in client.files.list(limit=2):
        client.files.delete(file.id)
    assert list(client.files.list()) == []
    for query, param in [("limit=0", "limit"), ("limit=10001", "limit"), ("limit=x", "limit"), ("order=up", "order")]:
        status, _, text = curl(server, f"{server.url}/v1/files?{query}")
        assert status == 400 and json.loads(text)["error"]["param"] == param
    status, _, text = curl(server, f"{server.url}/v1/files?after=file-unknown")
    assert status == 404


def form(*parts, boundary="XX", end=True):
    out = b""
    for head, body in parts:
        out += b"--" + boundary.encode() + b"\r\nContent-Disposition: form-data; " + head + b"\r\n\r\n" + body + b"\r\n"
    return out + (b"--" + boundary.encode() + b"--\r\n" if end else b"")


FILE = (b'name="file"; filename="a.txt"', b"hello")
PURPOSE = (b'name="purpose"', b"batch")


@pytest.mark.parametrize("body, status, param", [
    (form(FILE, PURPOSE), 200, None),
    (form(FILE, PURPOSE, end=False), 400, None),
    (form(FILE, PURPOSE)[:60], 400, None),
    (b"", 400, None),
    (form(FILE), 400, "purpose"),
    (form(PURPOSE), 400, "file"),
    (form((b'name="file"', b"no filename"), PURPOSE), 400, "file"),
    (form(FILE, (b'name="purpose"', b"world domination")), 400, "purpose"),
    (form(FILE, (b'name="purpose"', b"batch_output")), 400, "purpose"),
    (form(FILE, PURPOSE, PURPOSE), 400, "purpose"),
    (form(FILE, FILE, PURPOSE), 400, "file"),
    (form(FILE, PURPOSE, (b'name="colour"', b"red")), 400, "colour"),
    (form((b'name="file"; filename="../../etc/passwd"', b"x"), PURPOSE), 200, None),
    (form(FILE, PURPOSE, (b'name="expires_after[anchor]"', b"created_at")), 400, "expires_after.seconds"),
])
def test_forms_are_read_strictly(server, body, status, param):
    got, head, text = curl(server, server.url + "/v1/files", "-H", "Content-Type: multipart/form-data; boundary=XX",
                           "--data-binary", "@-", body=body)
    assert got == status, text
    if status == 200:
        assert "/" not in json.loads(text)["filename"]
    else:
        error = json.loads(text)["error"]
        assert set(error) == {"message", "type", "param", "code"} and error["type"] == "invalid_request_error"
        assert param is None or error["param"] == param


def test_an_upload_that_breaks_off_leaves_nothing(server, client):
    before = len(list(client.files.list()))
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as sock:
        sock.sendall((f"POST /v1/files HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {server.ready['api_key']}\r\n"
                      "Content-Type: multipart/form-data; boundary=XX\r\nContent-Length: 5000000\r\n\r\n").encode())
        sock.sendall(form(FILE, end=False) + b"x" * 2_000_000)
    assert len(list(client.files.list())) == before


def test_another_projects_files_do_not_exist(server, client):
    file = client.files.create(file=("a.txt", b"x"), purpose="evals")
    status, _, _ = curl(server, f"{server.url}/v1/files/{file.id}", key="sk-wrong")
    assert status == 401


# --- uploads


def test_parts_become_one_file(client):
    data = [b"first " * 1000, b"second", b""]
    whole = b"".join(data)
    upload = client.uploads.create(bytes=len(whole), filename="big.txt", mime_type="text/plain", purpose="assistants")
    assert upload.status == "pending" and upload.expires_at == upload.created_at + 3600
    parts = [client.uploads.parts.create(upload.id, data=io.BytesIO(d)) for d in reversed(data)][::-1]
    with pytest.raises(openai.BadRequestError, match="bytes"):
        client.uploads.complete(upload.id, part_ids=[parts[0].id])
    with pytest.raises(openai.BadRequestError, match="MD5"):
        client.uploads.complete(upload.id, part_ids=[p.id for p in parts], md5="0" * 32)
    done = client.uploads.complete(upload.id, part_ids=[p.id for p in parts], md5=hashlib.md5(whole).hexdigest())
    assert done.status == "completed" and done.file.bytes == len(whole)
    assert client.files.content(done.file.id).read() == whole
    with pytest.raises(openai.BadRequestError, match="completed"):
        client.uploads.parts.create(upload.id, data=b"late")
    with pytest.raises(openai.NotFoundError):
        client.uploads.complete(upload.id + "x", part_ids=[])


def test_a_cancelled_upload_takes_no_part(client):
    upload = client.uploads.create(bytes=1, filename="a", mime_type="text/plain", purpose="batch")
    other = client.uploads.create(bytes=1, filename="b", mime_type="text/plain", purpose="batch")
    part = client.uploads.parts.create(other.id, data=b"x")
    with pytest.raises(openai.NotFoundError):
        client.uploads.complete(upload.id, part_ids=[part.id])
    assert client.uploads.cancel(upload.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError):
        client.uploads.complete(upload.id, part_ids=[])


# --- batches


def batch_line(number, model, url="/v1/chat/completions", **body):
    return {"custom_id": f"line-{number}", "method": "POST", "url": url,
            "body": {"model": model, "messages": [{"role": "user", "content": f"What is {number} + 1?"}],
                     "max_tokens": 8, "temperature": 0, **body}}


def make_batch(client, lines, **options):
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    file = client.files.create(file=("in.jsonl", text.encode()), purpose="batch")
    return client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", **options)


def finished(client, batch, timeout_s=120):
    return wait_for(lambda: (lambda b: b if b.status in ("completed", "failed", "expired", "cancelled") else None)(
        client.batches.retrieve(batch.id)), timeout_s)


def test_a_batch_answers_every_line_as_the_api_would(client, model):
    lines = [batch_line(i, model) for i in range(12)] + [batch_line(99, model, temperature=9)]
    batch = make_batch(client, lines, metadata={"night": "1"})
    assert batch.object == "batch" and batch.status == "validating" and batch.metadata == {"night": "1"}
    done = finished(client, batch)
    assert done.status == "completed" and done.completed_at and done.in_progress_at and done.finalizing_at
    assert (done.request_counts.total, done.request_counts.completed, done.request_counts.failed) == (13, 12, 1)
    out = [json.loads(l) for l in client.files.content(done.output_file_id).text.splitlines()]
    assert {o["custom_id"] for o in out} == {f"line-{i}" for i in range(12)}
    total = 0
    for one in out:
        assert one["error"] is None and one["response"]["status_code"] == 200 and one["id"].startswith("batch_req_")
        answer = one["response"]["body"]
        number = int(one["custom_id"].split("-")[1])
        direct = client.chat.completions.create(**batch_line(number, model)["body"])
        assert answer["choices"][0]["message"]["content"] == direct.choices[0].message.content
        total += answer["usage"]["total_tokens"]
    assert done.usage.total_tokens == total
    bad = [json.loads(l) for l in client.files.content(done.error_file_id).text.splitlines()]
    assert bad[0]["custom_id"] == "line-99" and bad[0]["response"]["status_code"] == 400
    assert bad[0]["response"]["body"]["error"]["param"] == "temperature"
    assert client.files.retrieve(done.output_file_id).purpose == "batch_output"
    assert client.batches.list(limit=1).data[0].id == batch.id
    with pytest.raises(openai.ConflictError):
        client.batches.cancel(batch.id)


@pytest.mark.parametrize("make, codes", [
    (lambda m: [batch_line(1, m), "{not json"], [("invalid_json_line", 2)]),
    (lambda m: [batch_line(1, m), batch_line(1, m)], [("duplicate_custom_id", 2)]),
    (lambda m: [batch_line(1, m), batch_line(2, "another")], [("mismatched_model", 2)]),
    (lambda m: [batch_line(1, "no-such-model")], [("model_not_found", 1)]),
    (lambda m: [batch_line(1, m, url="/v1/embeddings")], [("invalid_url", 1)]),
    (lambda m: [{**batch_line(1, m), "method": "GET"}], [("invalid_method", 1)]),
    (lambda m: [{k: v for k, v in batch_line(1, m).items() if k != "custom_id"}], [("missing_required_parameter", 1)]),
    (lambda m: ['{"custom_id":"a","custom_id":"b"}'], [("invalid_json_line", 1)]),
    (lambda m: [""], [("empty_file", None)]),
])
def test_a_batch_with_a_wrong_line_fails_before_it_runs(client, model, make, codes):
    done = finished(client, make_batch(client, make(model)))
    assert done.status == "failed" and done.output_file_id is None
    assert [(e.code, e.line) for e in done.errors.data] == codes


def test_batches_are_refused_for_wrong_files(client):
    file = client.files.create(file=("a.jsonl", b"{}"), purpose="user_data")
    with pytest.raises(openai.BadRequestError, match="purpose"):
        client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    with pytest.raises(openai.NotFoundError):
        client.batches.create(input_file_id="file-none", endpoint="/v1/chat/completions", completion_window="24h")
    with pytest.raises(openai.BadRequestError) as refused:
        client.batches.create(input_file_id=file.id, endpoint="/v1/engines", completion_window="24h")
    assert refused.value.param == "endpoint" and refused.value.code == "invalid_value"
    with pytest.raises(openai.NotFoundError, match="No batch found with id 'batch_none'."):
        client.batches.retrieve("batch_none")


def test_a_cancelled_batch_keeps_what_is_done(client, model):
    batch = make_batch(client, [batch_line(i, model, max_tokens=200) for i in range(400)])
    wait_for(lambda: client.batches.retrieve(batch.id).request_counts.completed > 0)
    assert client.batches.cancel(batch.id).status == "cancelling"
    done = finished(client, batch)
    assert done.status == "cancelled" and done.cancelled_at and 0 < done.request_counts.completed < 400
    out = client.files.content(done.output_file_id).text.splitlines()
    assert len(out) == done.request_counts.completed


def test_a_killed_server_goes_on_with_its_batches_and_bills_no_line_twice(tmp_path):
    server = Server(tmp_path / "data")
    client = openai.OpenAI(base_url=server.url + "/v1", api_key=server.ready["api_key"])
    model, key = server.ready["models"][0], server.ready["api_key"]
    batch = make_batch(client, [batch_line(i, model, max_tokens=20) for i in range(150)])
    for _ in range(3):
        before = client.batches.retrieve(batch.id).request_counts.completed
        wait_for(lambda: client.batches.retrieve(batch.id).request_counts.completed > before or
                 client.batches.retrieve(batch.id).status == "completed")
        server.kill()
        server = Server(tmp_path / "data")
        client = openai.OpenAI(base_url=server.url + "/v1", api_key=key)
    done = finished(client, batch)
    assert done.status == "completed" and done.request_counts.completed == 150
    out = [json.loads(l) for l in client.files.content(done.output_file_id).text.splitlines()]
    assert len(out) == 150 and len({o["custom_id"] for o in out}) == 150
    assert server.stop() == 0
    # What the ledger charged, less what it gave back for lines whose answers were lost, is what the 150 answers cost.
    said = json.loads(charter("usage", "--data", tmp_path / "data", "--json").stdout)
    used = [o["response"]["body"]["usage"] for o in out]
    tokens = [sum(u[name] for u in used) for name in ("prompt_tokens", "completion_tokens")]
    assert int(said["total"]["amount_pico"]) == tokens[0] * PRICE_IN + tokens[1] * PRICE_OUT
    customer = next(a for a in said["accounts"] if a["account"].startswith("2000:"))
    assert int(customer["debits_pending"]) == 0
    charter("rebuild", "--data", tmp_path / "data", "--check")


def test_an_operator_gives_a_charge_back(new_server):
    server = new_server()
    client = openai.OpenAI(base_url=server.url + "/v1", api_key=server.ready["api_key"])

    def spent():
        said = json.loads(charter("usage", "--data", server.data, "--json").stdout)
        return int(said["total"]["amount_pico"])

    answer = client.chat.completions.with_raw_response.create(
        model=server.ready["models"][0], messages=[{"role": "user", "content": "Hi"}], max_tokens=3)
    charge = spent()
    request = answer.headers["x-request-id"]
    refund = json.loads(charter("refund", request, "--reason", "a test", "--data", server.data, "--json").stdout)
    assert int(refund["amount_pico"]) == charge > 0 and spent() == 0
    assert charter("refund", request, "--data", server.data).stdout.startswith("$0")
    assert server.stop() == 0
    assert charter("refund", "req_none", "--data", server.data, check=False).returncode != 0
    charter("rebuild", "--data", server.data, "--check")


# --- webhooks


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((dict(self.headers), body))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    listening.got, listening.statuses = [], []
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield listening
    listening.shutdown()


def test_webhooks_pass_the_official_clients_check(new_server, receiver):
    server = new_server("data", env={"CHARTER_WEBHOOK_PRIVATE_ADDRESSES": "true"})
    client = openai.OpenAI(base_url=server.url + "/v1", api_key=server.ready["api_key"], max_retries=0)
    url = f"http://127.0.0.1:{receiver.server_port}/hook"
    endpoint = client.webhooks.create(name="nightly", url=url, event_types=["batch.completed", "batch.failed"])
    assert endpoint.id.startswith("wh_") and endpoint.signing_secret.startswith("whsec_")
    secret = endpoint.signing_secret
    assert not hasattr(client.webhooks.retrieve(endpoint.id), "signing_secret")
    assert [e.id for e in client.webhooks.list()] == [endpoint.id]
    assert "batch.completed" in client.webhooks.event_types.list().data

    receiver.statuses = [500]  # the first attempt is not taken
    batch = make_batch(client, [batch_line(1, server.ready["models"][0])])
    wait_for(lambda: len(receiver.got) >= 2, 30)
    (first, body), (second, again) = receiver.got[:2]
    lower = {k.lower(): v for k, v in second.items()}
    assert body == again and lower["webhook-id"] == {k.lower(): v for k, v in first.items()}["webhook-id"]
    event = client.webhooks.unwrap(again, second, secret=secret)
    assert event.type == "batch.completed" and event.data.id == batch.id and event.id == lower["webhook-id"]
    with pytest.raises(openai.InvalidWebhookSignatureError):
        client.webhooks.unwrap(again.replace(b"completed", b"cancelled"), second, secret=secret)

    rotated = client.webhooks.rotate_secret(endpoint.id, keep_old_secret_active_for_24_hours=True)
    assert client.webhooks.test(endpoint.id, event_type="batch.failed").status_code == 200
    headers, body = receiver.got[-1]
    for one in (secret, rotated.signing_secret):
        assert client.webhooks.unwrap(body, headers, secret=one).type == "batch.failed"
    rotated = client.webhooks.rotate_secret(endpoint.id)
    client.webhooks.test(endpoint.id, event_type="batch.failed")
    headers, body = receiver.got[-1]
    with pytest.raises(openai.InvalidWebhookSignatureError):
        client.webhooks.unwrap(body, headers, secret=secret)
    assert client.webhooks.update(endpoint.id, event_types=["response.completed"]).event_types == ["response.completed"]
    assert client.webhooks.delete(endpoint.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.webhooks.retrieve(endpoint.id)
    data = b"".join(p.read_bytes() for p in server.data.rglob("*") if p.is_file() and p.suffix != ".key")
    for one in (secret, rotated.signing_secret):
        raw = base64.b64decode(one.removeprefix("whsec_"))
        assert one.encode() not in data and raw not in data


def test_webhooks_do_not_reach_into_the_house(client):
    with pytest.raises(openai.BadRequestError) as refused:
        client.webhooks.create(name="x", url="http://127.0.0.1:1/", event_types=["batch.completed"])
    assert refused.value.param == "url"
    endpoint = client.webhooks.create(name="x", url="https://127.0.0.1:1/", event_types=["batch.completed"])
    with pytest.raises(openai.BadRequestError, match="did not answer"):
        client.webhooks.test(endpoint.id, event_type="batch.completed")
    with pytest.raises(openai.BadRequestError) as refused:
        client.webhooks.create(name="x", url="https://example.com", event_types=["coffee.ready"])
    assert refused.value.param == "event_types[0]"
    client.webhooks.delete(endpoint.id)


# --- not offered


@pytest.mark.parametrize("call", [
    lambda c: c.images.generate(prompt="a cat", model="x"),
    lambda c: c.audio.speech.create(input="hi", model="x", voice="alloy"),
    lambda c: c.audio.transcriptions.create(file=("a.wav", b"RIFF"), model="x"),
    lambda c: c.evals.list(),
    lambda c: c.containers.list(),
])
def test_what_is_not_offered_says_so(client, call):
    with pytest.raises(openai.InternalServerError) as refused:
        call(client)
    assert refused.value.status_code == 501 and refused.value.code == "unsupported_endpoint"
    assert refused.value.response.headers["x-should-retry"] == "false"


# --- vector stores


def test_vector_stores_find_what_was_put_in(client):
    texts = {"cell.md": ("# Cells\nThe mitochondria is the powerhouse of the cell.", {"year": 2020, "topic": "biology"}),
             "tea.txt": ("我们每天早上喝一杯绿茶，然后学习中文。", {"year": 2024, "topic": "tea"}),
             "page.html": ("<html><body><h1>Treaties</h1><p>The treaty was signed in spring.</p></body></html>", {})}
    store = client.vector_stores.create(name="notes", metadata={"a": "b"})
    assert store.object == "vector_store" and store.status == "completed" and store.file_counts.total == 0
    ids = {}
    for name, (text, attributes) in texts.items():
        file = client.vector_stores.files.upload_and_poll(
            vector_store_id=store.id, file=(name, text.encode()), attributes=attributes)
        assert file.status == "completed" and file.last_error is None and file.usage_bytes > 0
        assert file.chunking_strategy.static.max_chunk_size_tokens == 800
        ids[name] = file.id
    pdf = client.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=("a.pdf", b"%PDF-1.7 x"))
    assert pdf.status == "failed" and pdf.last_error.code == "unsupported_file"
    store = client.vector_stores.retrieve(store.id)
    assert (store.file_counts.completed, store.file_counts.failed, store.file_counts.total) == (3, 1, 4)

    def found(query, **options):
        page = client.vector_stores.search(store.id, query=query, **options)
        assert all(0 <= r.score <= 1 for r in page.data)
        return [r.filename for r in page.data]

    assert found("mitochondria powerhouse")[0] == "cell.md"
    assert found("茶") == ["tea.txt"] and found("中文") == ["tea.txt"]
    assert found(["spring treaty", "绿茶"]) and set(found(["spring treaty", "绿茶"])) == {"page.html", "tea.txt"}
    assert found("h1 body") == []
    assert found("the cell", max_num_results=1) == ["cell.md"]
    assert found("mitochondria", ranking_options={"score_threshold": 1}) in ([], ["cell.md"])
    year = {"type": "gte", "key": "year", "value": 2021}
    assert found("mitochondria 茶", filters=year) == ["tea.txt"]
    assert found("mitochondria 茶", filters={"type": "or", "filters": [
        {"type": "eq", "key": "topic", "value": "biology"}, {"type": "in", "key": "topic", "value": ["coffee"]}]}) == ["cell.md"]
    with pytest.raises(openai.BadRequestError) as refused:
        found("x", filters={"type": "like", "key": "a", "value": "b"})
    assert refused.value.param == "filters.type"

    listed = [f.id for f in client.vector_stores.files.list(store.id, limit=2, order="asc")]
    assert listed == [ids["cell.md"], ids["tea.txt"], ids["page.html"], pdf.id]
    assert [f.id for f in client.vector_stores.files.list(store.id, filter="failed")] == [pdf.id]
    content = client.vector_stores.files.content(ids["cell.md"], vector_store_id=store.id)
    assert "powerhouse" in content.data[0].text
    client.vector_stores.files.update(ids["tea.txt"], vector_store_id=store.id, attributes={"year": 1999})
    assert found("茶", filters=year) == []
    assert client.vector_stores.files.delete(ids["tea.txt"], vector_store_id=store.id).deleted
    assert found("茶") == []
    client.files.delete(ids["cell.md"])
    assert found("mitochondria") == []
    assert client.vector_stores.update(store.id, name="renamed").name == "renamed"
    assert client.vector_stores.delete(store.id).object == "vector_store.deleted"
    with pytest.raises(openai.NotFoundError, match="not found"):
        client.vector_stores.search(store.id, query="x")


def test_file_batches_are_polled_to_their_end(client):
    files = [client.files.create(file=(f"{i}.txt", f"number {i} is special".encode()), purpose="assistants") for i in range(5)]
    store = client.vector_stores.create(expires_after={"anchor": "last_active_at", "days": 1})
    assert store.expires_at == store.last_active_at + 86400
    batch = client.vector_stores.file_batches.create_and_poll(store.id, file_ids=[f.id for f in files])
    assert batch.status == "completed" and batch.file_counts.completed == 5
    assert {f.id for f in client.vector_stores.file_batches.list_files(batch.id, vector_store_id=store.id)} == {f.id for f in files}
    chunked = client.vector_stores.files.create_and_poll(files[0].id, vector_store_id=store.id, chunking_strategy={
        "type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 20}})
    assert chunked.chunking_strategy.static.chunk_overlap_tokens == 20
    with pytest.raises(openai.BadRequestError) as refused:
        client.vector_stores.files.create(files[0].id and store.id, file_id=files[0].id, chunking_strategy={
            "type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 80}})
    assert refused.value.param == "chunking_strategy.static.chunk_overlap_tokens"
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.file_batches.create(store.id, file_ids=["file-none"])
    client.vector_stores.delete(store.id)
