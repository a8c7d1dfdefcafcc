"""What people already have works unchanged: curl, and the official OpenAI clients for Python and Node."""
import json
import os
import pathlib
import re
import subprocess

import openai
import pytest

HERE = pathlib.Path(__file__).parent
QUESTION = [{"role": "user", "content": "Tom has 12 apples and gives away 5. How many are left?"}]


@pytest.fixture
def client(server):
    return openai.OpenAI(base_url=server.url + "/v1", api_key=server.ready["api_key"])


@pytest.fixture
def model(server):
    return server.ready["models"][0]


def test_curl_streams_the_exact_events(server, model):
    body = {"model": model, "messages": QUESTION, "stream": True, "temperature": 0, "stream_options": {"include_usage": True}}
    done = subprocess.run(
        ["curl", "-sS", "-N", "-i", server.url + "/v1/chat/completions", "-H", "Content-Type: application/json",
         "-H", f"Authorization: Bearer {server.ready['api_key']}", "-d", json.dumps(body)],
        capture_output=True, timeout=60, check=True)
    head, _, stream = done.stdout.decode().partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200")
    assert re.search(r"(?im)^content-type: text/event-stream", head)
    assert not re.search(r"(?im)^content-length:", head)
    events = stream.split("\n\n")
    assert events[-1] == "" and events[-2] == "data: [DONE]"
    chunks = [json.loads(e.removeprefix("data: ")) for e in events[:-2] if e.startswith("data: ")]
    assert len({c["id"] for c in chunks}) == 1 and chunks[0]["id"].startswith("chatcmpl-")
    assert all(c["object"] == "chat.completion.chunk" for c in chunks)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["completion_tokens"] > 0
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop" and chunks[-2]["choices"][0]["delta"] == {}
    assert all(c["usage"] is None for c in chunks[:-1])
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks[:-1]).strip()


def test_openai_python_plain(client, model):
    answer = client.chat.completions.create(model=model, messages=QUESTION, temperature=0)
    choice = answer.choices[0]
    assert choice.message.role == "assistant" and choice.message.content.strip() and choice.finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer._request_id.startswith("req_")


def test_openai_python_stream_is_the_plain_answer(client, model):
    plain = client.chat.completions.create(model=model, messages=QUESTION, temperature=0)
    text, usage = "", None
    for chunk in client.chat.completions.create(
            model=model, messages=QUESTION, temperature=0, stream=True, stream_options={"include_usage": True}):
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        usage = chunk.usage or usage
    assert text == plain.choices[0].message.content
    assert usage.completion_tokens == plain.usage.completion_tokens


def test_a_seed_repeats_and_n_differ(client, model):
    ask = dict(model=model, messages=[{"role": "user", "content": "Hello! Tell me about yourself."}], temperature=1.5, max_tokens=40)
    first = client.chat.completions.create(seed=7, **ask).choices[0].message.content
    assert client.chat.completions.create(seed=7, **ask).choices[0].message.content == first
    several = client.chat.completions.create(seed=7, n=4, **ask)
    assert [c.index for c in several.choices] == [0, 1, 2, 3]
    assert len({c.message.content for c in several.choices}) > 1
    assert several.usage.completion_tokens <= 4 * 40


def test_stop_logprobs_and_length(client, model):
    full = client.chat.completions.create(model=model, messages=QUESTION, temperature=0).choices[0].message.content
    word = full.split()[1]
    cut = client.chat.completions.create(model=model, messages=QUESTION, temperature=0, stop=[word])
    assert cut.choices[0].message.content == full[:full.index(word)] and cut.choices[0].finish_reason == "stop"
    some = client.chat.completions.create(model=model, messages=QUESTION, temperature=0, max_tokens=3, logprobs=True, top_logprobs=2)
    assert some.choices[0].finish_reason == "length" and some.usage.completion_tokens == 3
    content = some.choices[0].logprobs.content
    assert len(content) == 3 and all(len(c.top_logprobs) == 2 and c.logprob <= 0 for c in content)
    assert all(c.logprob == c.top_logprobs[0].logprob for c in content)  # greedy takes the likeliest


def test_models(client, model):
    assert model in [m.id for m in client.models.list().data]
    assert client.models.retrieve(model).object == "model"


def test_errors_have_openais_shape(client, server, model):
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="no-such-model", messages=QUESTION)
    assert unknown.value.code == "model_not_found" and unknown.value.type == "invalid_request_error"
    with pytest.raises(openai.AuthenticationError) as wrong:
        openai.OpenAI(base_url=server.url + "/v1", api_key="sk-wrong-key-0123456789abcdef").models.list()
    assert wrong.value.code == "invalid_api_key" and "0123456789" not in wrong.value.message
    with pytest.raises(openai.BadRequestError) as hot:
        client.chat.completions.create(model=model, messages=QUESTION, temperature=3)
    assert hot.value.param == "temperature" and hot.value.code == "decimal_above_max_value"
    with pytest.raises(openai.BadRequestError) as long:
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": "apple " * 20000}])
    assert long.value.code == "context_length_exceeded" and re.search(r"maximum context length is \d+", long.value.message)


def test_openai_node_plain_and_streamed(server, model):
    done = subprocess.run(["node", HERE / "node" / "openai_client.mjs", server.url, server.ready["api_key"], model],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["checks"] == 24


def test_langchain(server, model):
    done = subprocess.run(["node", HERE / "node" / "langchain_client.mjs", server.url, server.ready["api_key"], model],
                          capture_output=True, text=True, timeout=300, env={**os.environ, "LANGSMITH_TRACING": "false"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["checks"] == 13
