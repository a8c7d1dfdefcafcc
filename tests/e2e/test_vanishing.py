"""Clients that go away, in the midst of what they send and of what they are told: memory stays flat, nothing is left
behind, and the ledger has exactly what was delivered.

CHARTER_UPLOAD_MIB is the size of the large upload (64 without it; OpenAI's limit is 512)."""
import hashlib
import http.client
import json
import os
import pathlib
import socket
import subprocess
import time

import pytest
from conftest import charter

UPLOAD_MIB = int(os.environ.pop("CHARTER_UPLOAD_MIB", "64"))  # popped: to the server it would be a setting
PRICE_IN, PRICE_OUT = 10_000_000, 30_000_000  # pico-dollars a token


def address(server):
    host, port = server.url.removeprefix("http://").split(":")
    return host, int(port)


def anonymous_mib(server):
    """Memory of the process itself, without files that are mapped."""
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("RssAnon:")).split()[1]) / 1024


def metric(server, name):
    lines = subprocess.run(["curl", "-sS", server.url + "/metrics"], capture_output=True, text=True, timeout=30).stdout.splitlines()
    values = [float(line.split()[-1]) for line in lines if line.startswith(name)]
    assert values, name
    return sum(values)


def wait_for(condition, what, timeout_s=30):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def spool(server):
    return [path for path in (server.data / "spool").rglob("*") if path.is_file()]


def head_of(server, path, size, kind):
    return (f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.ready['api_key']}\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {size}\r\n\r\n").encode()


def test_a_large_upload_goes_through_the_disk(new_server):
    server = new_server()
    begin = (b'--X\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
             b'--X\r\nContent-Disposition: form-data; name="file"; filename="big.bin"\r\n\r\n')
    end = b"\r\n--X--\r\n"
    block = hashlib.sha512(b"block").digest() * (1 << 14)  # 1 MiB
    size = UPLOAD_MIB * len(block) - len(begin) - len(end)  # the limit is that of the whole body
    before, most, digest = anonymous_mib(server), 0, hashlib.sha256()
    with socket.create_connection(address(server), timeout=60) as peer:
        peer.sendall(head_of(server, "/v1/files", len(begin) + size + len(end), "multipart/form-data; boundary=X") + begin)
        left = size
        while left:
            piece = block[:left]
            peer.sendall(piece)
            digest.update(piece)
            left -= len(piece)
            if left % (8 << 20) < len(block):
                most = max(most, anonymous_mib(server))
        peer.sendall(end)
        answer = http.client.HTTPResponse(peer)
        answer.begin()
        file = json.loads(answer.read())
    assert answer.status == 200 and file["bytes"] == size, file
    got, connection = hashlib.sha256(), http.client.HTTPConnection(*address(server), timeout=60)
    connection.request("GET", f"/v1/files/{file['id']}/content", headers={"Authorization": f"Bearer {server.ready['api_key']}"})
    content = connection.getresponse()
    while piece := content.read(1 << 20):
        got.update(piece)
        most = max(most, anonymous_mib(server))
    assert got.digest() == digest.digest()
    assert most - before < 24, f"{before:.0f} MiB before, {most:.0f} MiB at most"
    assert spool(server) == []


@pytest.mark.parametrize("path", ["/v1/files", "/v1/uploads/UPLOAD/parts"])
def test_forms_that_break_off_anywhere_leave_nothing(new_server, path):
    server = new_server()
    headers = {"Authorization": f"Bearer {server.ready['api_key']}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(*address(server), timeout=30)
    connection.request("POST", "/v1/uploads", json.dumps({"bytes": 9, "filename": "a", "mime_type": "b/c", "purpose": "assistants"}), headers)
    upload = json.loads(connection.getresponse().read())["id"]
    field = "file" if path == "/v1/files" else "data"
    body = (b'--X\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n' if path == "/v1/files" else b"") + \
        f'--X\r\nContent-Disposition: form-data; name="{field}"; filename="a"\r\n\r\n'.encode() + b"x" * 300_000 + b"\r\n--X--\r\n"
    before = sorted((server.data / "blobs").rglob("*"))
    for cut in [0, 1, 3, 30, 60, 90, 200, 4096, 70_000, 200_000, len(body) - 9, len(body) - 1]:
        with socket.create_connection(address(server), timeout=30) as peer:
            peer.sendall(head_of(server, path.replace("UPLOAD", upload), len(body), "multipart/form-data; boundary=X") + body[:cut])
    wait_for(lambda: metric(server, "charter_connections_open") <= 2, "connections are let go")
    assert spool(server) == [] and sorted((server.data / "blobs").rglob("*")) == before
    connection.request("GET", "/v1/files", headers=headers)
    assert json.loads(connection.getresponse().read())["data"] == []


@pytest.mark.parametrize("path, body", [
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Count."}], "max_tokens": 400, "n": 2}),
    ("/v1/responses", {"input": "Count.", "max_output_tokens": 400}),
])
def test_streams_whose_readers_leave_at_each_event(new_server, path, body):
    server = new_server()
    body = json.dumps({"model": server.ready["models"][0], "stream": True, "temperature": 1.5, **body}).encode()
    for events in range(24):
        with socket.create_connection(address(server), timeout=30) as peer:
            peer.sendall(head_of(server, path, len(body), "application/json") + body)
            seen = b""
            while seen.count(b"data: ") < events and not seen.endswith(b"0\r\n\r\n") and (part := peer.recv(256)):
                seen += part
    wait_for(lambda: metric(server, "charter_ledger_open_holds") == 0, "every hold is settled")
    wait_for(lambda: metric(server, "charter_engine_active") == 0, "every place in the engine is free")
    assert server.stop() == 0, server.log_text()
    said = json.loads(charter("usage", "--data", server.data, "--json").stdout)
    total = said["total"]
    assert total["requests"] > 0
    assert int(total["amount_pico"]) == total["prompt_tokens"] * PRICE_IN + total["completion_tokens"] * PRICE_OUT
    receipts = [json.loads(line) for line in server.log_path.read_text().splitlines() if line.startswith("{") and '"receipt"' in line]
    assert len(receipts) == 24
    assert sum(int(receipt["amount_pico_usd"]) for receipt in receipts) == int(total["amount_pico"])
    customer = next(a for a in said["accounts"] if a["account"].startswith("2000:"))
    assert int(customer["debits_posted"]) == int(total["amount_pico"]) and int(customer["debits_pending"]) == 0
    charter("rebuild", "--data", server.data, "--check")
