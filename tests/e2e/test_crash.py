"""A killed server loses nothing that was settled, and holds nothing back that was not.

CHARTER_CRASH_ROUNDS says how often a server is killed at a random point (3 times without it)."""
import http.client
import json
import os
import random
import threading
import time
import urllib.request

from conftest import charter


def post(url, key, body):
    request = urllib.request.Request(url + "/v1/chat/completions", json.dumps(body).encode(),
                                     {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    return urllib.request.urlopen(request, timeout=60)


ROUNDS = int(os.environ.pop("CHARTER_CRASH_ROUNDS", "3"))  # popped: to the server it would be a setting
PRICE_IN, PRICE_OUT = 10_000_000, 30_000_000  # pico-dollars a token: $0.01 and $0.03 per 1,000


def adds_up(data, acknowledged_pico, acknowledged):
    """What the ledger of a killed server says, against what its clients were told."""
    usage = json.loads(charter("usage", "--data", data, "--json").stdout)
    total, accounts = usage["total"], {a["account"]: a for a in usage["accounts"]}
    charged = total["prompt_tokens"] * PRICE_IN + total["completion_tokens"] * PRICE_OUT
    assert int(total["amount_pico"]) == charged >= acknowledged_pico
    assert total["requests"] >= acknowledged
    assert all(a["debits_pending"] == "0" and a["credits_pending"] == "0" for a in accounts.values())
    customer = next(a for name, a in accounts.items() if name.startswith("2000:"))
    assert int(customer["debits_posted"]) == charged
    if charged:
        assert charged == int(accounts["4000"]["credits_posted"])
        assert accounts["2050"]["debits_posted"] == accounts["2050"]["credits_posted"]


def test_kill_in_the_middle_of_100_streams(new_server):
    server = new_server("data")
    key, model = server.ready["api_key"], server.ready["models"][0]
    finished, lock, begun = [], threading.Lock(), threading.Semaphore(0)

    def stream():
        body = {"model": model, "messages": [{"role": "user", "content": "Tell me about yourself."}], "stream": True,
                "temperature": 1.2, "max_tokens": 200, "stream_options": {"include_usage": True}}
        usage, first = None, True
        try:
            for line in post(server.url, key, body):
                if first:
                    begun.release()
                    first = False
                if line.startswith(b"data: {"):
                    usage = json.loads(line[6:]).get("usage") or usage
                elif line.startswith(b"data: [DONE]"):
                    with lock:
                        finished.append(usage)
        except (OSError, ValueError):
            pass  # killed under it
        finally:
            if first:
                begun.release()

    threads = [threading.Thread(target=stream) for _ in range(100)]
    for thread in threads:
        thread.start()
    for _ in range(60):
        begun.acquire()
    deadline = time.monotonic() + 30
    while len(finished) < 5 and time.monotonic() < deadline:
        time.sleep(0.002)
    server.kill()
    for thread in threads:
        thread.join()
    assert 0 < len(finished) < 100, f"{len(finished)} of 100 streams had ended when the server was killed"

    again = new_server("data")
    adds_up(again.data, sum(u["prompt_tokens"] * PRICE_IN + u["completion_tokens"] * PRICE_OUT for u in finished),
            len(finished))
    assert again.ready.get("api_key") is None  # printed once, on the first run
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5}
    assert json.load(post(again.url, key, body))["usage"]["completion_tokens"] > 0
    assert again.stop() == 0
    charter("rebuild", "--data", again.data)


def test_killed_at_random_points(new_server):
    draw, key, acknowledged, told = random.Random(7), None, [], threading.Semaphore(0)

    def stream(url, model, seed):
        body = {"model": model, "messages": [{"role": "user", "content": "Count."}], "stream": seed % 3 != 0,
                "temperature": 1.2, "max_tokens": 1 + seed % 24, "stream_options": {"include_usage": True}}
        if not body["stream"]:
            del body["stream_options"]
        try:
            while True:
                with post(url, key, body) as answer:
                    if not body["stream"]:
                        usage = json.load(answer)["usage"]
                    else:
                        events = [line[6:] for line in answer if line.startswith(b"data: ")]
                        if not events or not events[-1].startswith(b"[DONE]"):
                            return
                        usage = json.loads(events[-2])["usage"]
                    acknowledged.append(usage["prompt_tokens"] * PRICE_IN + usage["completion_tokens"] * PRICE_OUT)
                    told.release()
        except (OSError, ValueError, http.client.HTTPException):
            pass  # killed under it

    for round_number in range(ROUNDS):
        server = new_server("data")
        key = key or server.ready["api_key"]
        threads = [threading.Thread(target=stream, args=(server.url, server.ready["models"][0], round_number + i))
                   for i in range(8)]
        for thread in threads:
            thread.start()
        for _ in range(draw.randrange(6)):  # the moment is counted in answers, and a little time
            told.acquire(timeout=30)
        time.sleep(draw.random() * 0.02)
        server.kill()
        for thread in threads:
            thread.join()
        if round_number % 20 == 0 or round_number == ROUNDS - 1:
            again = new_server("data")  # brings what was on its way into the ledger
            assert again.stop() == 0
            adds_up(again.data, sum(acknowledged), len(acknowledged))
    assert acknowledged
    charter("rebuild", "--data", server.data, "--check")
