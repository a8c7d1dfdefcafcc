"""A killed server loses nothing that was settled, and holds nothing back that was not."""
import json
import threading
import time
import urllib.request

from conftest import charter


def post(url, key, body):
    request = urllib.request.Request(url + "/v1/chat/completions", json.dumps(body).encode(),
                                     {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    return urllib.request.urlopen(request, timeout=60)


def test_kill_in_the_middle_of_100_streams(new_server):
    server = new_server("data")
    key, model = server.ready["api_key"], server.ready["models"][0]
    before = json.loads(charter("usage", "--data", server.data, "--json").stdout)
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
    while not finished and time.monotonic() < deadline:
        time.sleep(0.002)
    server.kill()
    for thread in threads:
        thread.join()
    assert 0 < len(finished) < 100, f"{len(finished)} of 100 streams had ended when the server was killed"

    again = new_server("data")
    usage = json.loads(charter("usage", "--data", again.data, "--json").stdout)
    price_in, price_out = 10_000_000, 30_000_000  # pico-dollars a token: $0.01 and $0.03 per 1,000
    settled = sum(u["prompt_tokens"] * price_in + u["completion_tokens"] * price_out for u in finished)
    rows = usage["requests"]
    charged = sum(int(row["amount_pico_usd"]) for row in rows)
    assert len(rows) >= len(finished)
    for row in rows:
        exact = row["prompt_tokens"] * price_in + row["completion_tokens"] * price_out
        assert int(row["amount_pico_usd"]) == exact, row
    assert charged >= settled
    account = usage["account"]
    assert account["held_pico_usd"] == "0"
    assert int(before["account"]["balance_pico_usd"]) - int(account["balance_pico_usd"]) == charged
    assert again.ready.get("api_key") is None  # printed once, on the first run
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5}
    assert json.load(post(again.url, key, body))["usage"]["completion_tokens"] > 0
    assert again.stop() == 0
    charter("rebuild", "--data", again.data)
