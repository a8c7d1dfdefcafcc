"""A release under a running server: stopped with one key, put back by hand, resumed after an incident."""
import json
import shutil
import threading
import time

import httpx2 as httpx
import pytest
from conftest import charter


def ask(url, key, timeout=30, **more):
    return httpx.post(f"{url}/v1/chat/completions", headers={"authorization": f"Bearer {key}"}, timeout=timeout,
                      json={"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4, **more})


@pytest.fixture
def house(new_server):
    server = new_server()
    model = server.ready["models"][0]
    return server, model, server.ready["api_key"]


def wait_for(condition, limit_s):
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < limit_s, f"not within {limit_s} s"
        time.sleep(0.005)
    return time.monotonic() - begun


def test_one_key_stops_within_a_second_and_running_streams_end_with_an_error(house):
    server, model, key = house
    assert ask(server.url, key, model=model).status_code == 200
    events = []

    def listen():
        with httpx.stream("POST", f"{server.url}/v1/chat/completions", timeout=60,
                          headers={"authorization": f"Bearer {key}"},
                          json={"model": model, "stream": True, "max_tokens": 4000,
                                "messages": [{"role": "user", "content": "Write a long story."}]}) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    events.append(line[6:])

    listener = threading.Thread(target=listen)
    listener.start()
    wait_for(lambda: len(events) >= 2, 20)
    charter("stop", model, "--reason", "a drill", "--data", server.data)
    stopped = time.monotonic()
    wait_for(lambda: ask(server.url, key, model=model).status_code in (404, 503), 1.0)
    listener.join(timeout=10)
    assert not listener.is_alive() and time.monotonic() - stopped < 10
    # Finished on what it had begun before the stop came, or an explicit error; never cut without a word.
    assert events[-1] == "[DONE]" or "error" in json.loads(events[-1])


def test_a_stopped_release_comes_back_after_an_incident_and_no_sooner(house):
    server, model, key = house
    charter("stop", "--all", "--reason", "a drill", "--data", server.data)
    wait_for(lambda: ask(server.url, key, model=model).status_code in (404, 503), 1.0)
    refused = charter("resume", model, "--data", server.data, check=False)
    assert refused.returncode == 69 and "charter incident" in refused.stderr
    charter("incident", "--cause", "a drill", "--remedy", "none was needed", "--data", server.data)
    charter("resume", model, "--data", server.data)
    wait_for(lambda: ask(server.url, key, model=model).status_code == 200, 10)


def test_a_signed_stop_comes_by_http_and_means_nothing_twice(house, tmp_path):
    server, model, key = house
    signed = tmp_path / "stop.json"
    charter("stop", model, "--reason", "a drill", "--data", server.data, "--out", signed)
    assert ask(server.url, key, model=model).status_code == 200
    url = f"{server.url}/v1/charter/statements"
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    forged = json.loads(signed.read_text())
    forged["signatures"][0]["sig"] = "A" * 86 + "=="
    assert httpx.post(url, headers=headers, content=json.dumps(forged)).status_code >= 400
    logged = httpx.post(url, headers=headers, content=signed.read_text())
    assert logged.status_code == 201, logged.text
    wait_for(lambda: ask(server.url, key, model=model).status_code in (404, 503), 1.0)
    assert httpx.post(url, headers=headers, content=signed.read_text()).status_code >= 400


def test_an_older_log_put_back_stops_the_server(house):
    server, model, key = house
    older = server.data.parent / "older"
    shutil.copytree(server.data / "log", older)
    charter("stop", model, "--reason", "a drill", "--data", server.data)
    wait_for(lambda: ask(server.url, key, model=model).status_code in (404, 503), 1.0)
    (server.data / "log").rename(server.data.parent / "newer")
    older.rename(server.data / "log")
    time.sleep(0.5)
    assert ask(server.url, key, model=model).status_code in (404, 503)
    assert "this node has seen" in server.log_text()
