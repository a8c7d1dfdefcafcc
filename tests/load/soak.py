"""Full load for a long time, with every kind of request and of bad client at once, while memory, files and the
databases' write-ahead logs are sampled. Prints a table and exits 1 when one of them grows.

    build/venv/bin/python tests/load/soak.py --minutes 30
"""
import argparse
import asyncio
import json
import os
import pathlib
import random
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from conftest import Server  # noqa: E402

PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


class Client:
    """One keep-alive connection, spoken by hand, so that the clients cost less than the server."""

    def __init__(self, address, key):
        self.address, self.key = address, key
        self.reader = self.writer = None

    async def request(self, method, path, body=None, vanish_after=None):
        """The status; `vanish_after` closes the connection after so many bytes of the answer."""
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(*self.address)
        payload = b"" if body is None else json.dumps(body).encode()
        head = (f"{method} {path} HTTP/1.1\r\nhost: soak\r\nauthorization: Bearer {self.key}\r\n"
                f"content-type: application/json\r\ncontent-length: {len(payload)}\r\n\r\n")
        self.writer.write(head.encode() + payload)
        status, headers = await self._head()
        if vanish_after is not None:
            await self.reader.read(vanish_after)
            self.close()
        elif headers.get("transfer-encoding") == "chunked":
            while (size := int(await self.reader.readline(), 16)) > 0:
                await self.reader.readexactly(size + 2)
            await self.reader.readline()
        else:
            await self.reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            self.close()
        return status

    async def _head(self):
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        return int(lines[0].split()[1]), headers

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


def ask(text, **more):
    return {"model": "chat", "messages": [{"role": "user", "content": text}], "max_tokens": 12, **more}


# What clients do, how often, and which statuses are right.
def actions(rng):
    question = f"What is {rng.randrange(100)} + {rng.randrange(100)}?"
    chat, responses = "/v1/chat/completions", "/v1/responses"
    return [
        (30, dict(method="POST", path=chat, body=ask(question)), {200, 503}),
        (30, dict(method="POST", path=chat, body=ask(question, stream=True)), {200, 503}),
        (10, dict(method="POST", path=chat, body=ask(question, stream=True, max_tokens=200),
                  vanish_after=rng.randrange(2000)), {200, 503}),
        (10, dict(method="POST", path=responses, body={"model": "chat", "input": question, "max_output_tokens": 16}), {200, 503}),
        (5, dict(method="POST", path=responses, body={"model": "chat", "input": question, "max_output_tokens": 16,
                                                      "stream": True, "store": False}), {200, 503}),
        (5, dict(method="POST", path=chat, body=ask(question, response_format={"type": "json_object"},
                                                    messages=[{"role": "user", "content": "json please"}])), {200, 503}),
        (5, dict(method="POST", path="/v1/embeddings", body={"model": "chat", "input": question}), {200, 400, 503}),
        (5, dict(method="GET", path="/v1/models"), {200}),
        (5, dict(method="POST", path=chat, body={"model": "none", "messages": []}), {400, 404}),
        (3, dict(method="GET", path="/v1/nowhere"), {404}),
        (3, dict(method="GET", path="/metrics"), {200, 401}),
    ]


async def drive(address, key, seed, stop_at, counts):
    rng, client = random.Random(seed), Client(address, key)
    while time.monotonic() < stop_at:
        todo = actions(rng)
        _, arguments, right = rng.choices(todo, weights=[weight for weight, _, _ in todo])[0]
        try:
            status = await client.request(**arguments)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            status, right = type(error).__name__, {"never"}
            client.close()
        counts[status] = counts.get(status, 0) + 1
        if status not in right:
            counts["wrong"] = counts.get("wrong", 0) + 1
            print(f"{arguments['method']} {arguments['path']}: {status}", file=sys.stderr)
        if status == 503:
            await asyncio.sleep(rng.random() * 0.2)
    client.close()


def sample(server):
    proc = pathlib.Path("/proc") / str(server.process.pid)
    wal = sum(path.stat().st_size for path in server.data.glob("*.db-wal"))
    databases = sum(path.stat().st_size for path in server.data.glob("*.db"))
    return {"rss_kib": int((proc / "statm").read_text().split()[1]) * PAGE_KIB,
            "files": len(list((proc / "fd").iterdir())),
            "threads": len(list((proc / "task").iterdir())),
            "wal_kib": wal // 1024, "databases_kib": databases // 1024}


async def watch(server, stop_at, interval_s, counts, samples):
    start = time.monotonic()
    while time.monotonic() < stop_at:
        await asyncio.sleep(interval_s)
        now = {"s": round(time.monotonic() - start), "requests": sum(v for k, v in counts.items() if k != "wrong"), **sample(server)}
        samples.append(now)
        print(json.dumps(now), flush=True)


async def run(server, minutes, clients, interval_s):
    host, port = server.url.removeprefix("http://").rsplit(":", 1)
    stop_at, counts, samples = time.monotonic() + minutes * 60, {}, []
    await asyncio.gather(watch(server, stop_at, interval_s, counts, samples),
                         *(drive((host, int(port)), server.ready["api_key"], seed, stop_at, counts) for seed in range(clients)))
    return counts, samples


def verdict(counts, samples):
    """Growth between the second fifth of the time (warm) and the last."""
    fifth = max(1, len(samples) // 5)
    early, late = samples[fifth:2 * fifth] or samples, samples[-fifth:]
    failed = counts.get("wrong", 0) > 0
    print(f"{'':14}{'warm':>12}{'end':>12}{'growth':>9}")
    for name, tolerated in (("rss_kib", 0.03), ("files", 0.05), ("threads", 0), ("wal_kib", 0.5)):
        before, after = (statistics.median(row[name] for row in rows) for rows in (early, late))
        growth = (after - before) / max(before, 1)
        bad = growth > tolerated and after - before > 16
        failed |= bad
        print(f"{name:14}{before:12.0f}{after:12.0f}{growth:8.1%}{'  GROWS' if bad else ''}")
    print("statuses:", json.dumps({str(k): v for k, v in sorted(counts.items(), key=str)}))
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--clients", type=int, default=48)
    parser.add_argument("--interval", type=float, default=10, help="seconds between samples")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(pathlib.Path(folder) / "data", env={"CHARTER_OPENING_BALANCE_USD": "1000000"})
        try:
            counts, samples = asyncio.run(run(server, options.minutes, options.clients, options.interval))
        finally:
            code = server.stop()
        sys.exit(1 if verdict(counts, samples) or code != 0 else 0)


if __name__ == "__main__":
    main()
