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
    usage = json.loads(charter("usage", "--data", again.data, "--json").stdout)
    total, accounts = usage["total"], {a["account"]: a for a in usage["accounts"]}
    price_in, price_out = 10_000_000, 30_000_000  # pico-dollars a token: $0.01 and $0.03 per 1,000
    charged = total["prompt_tokens"] * price_in + total["completion_tokens"] * price_out
    acknowledged = sum(u["prompt_tokens"] * price_in + u["completion_tokens"] * price_out for u in finished)
    assert int(total["amount_pico"]) == charged >= acknowledged > 0
    assert total["requests"] >= len(finished)
    assert all(a["debits_pending"] == "0" and a["credits_pending"] == "0" for a in accounts.values())  # no hold is left
    customer = next(a for name, a in accounts.items() if name.startswith("2000:"))
    assert int(customer["debits_posted"]) == charged == int(accounts["4000"]["credits_posted"])
    assert accounts["2050"]["debits_posted"] == accounts["2050"]["credits_posted"]
    assert again.ready.get("api_key") is None  # printed once, on the first run
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5}
    assert json.load(post(again.url, key, body))["usage"]["completion_tokens"] > 0
    assert again.stop() == 0
    charter("rebuild", "--data", again.data)
