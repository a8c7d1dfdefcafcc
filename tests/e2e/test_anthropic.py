"""Anthropic's official Python client, unchanged, against Charter's /v1/messages."""
import json
import urllib.request

import anthropic
import pytest

QUESTION = [{"role": "user", "content": "Tom has 12 apples and gives away 5. How many are left?"}]
EXACT = {"temperature": 0}  # the client has no parameter for it
ADD = {"name": "add", "description": "adds two numbers",
       "input_schema": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
                        "required": ["a", "b"], "additionalProperties": False}}


def prompt_tokens(usage):
    """Tokens that an earlier request has read are counted apart."""
    return usage.input_tokens + usage.cache_read_input_tokens


@pytest.fixture
def client(server):
    return anthropic.Anthropic(base_url=server.url, api_key=server.ready["api_key"], max_retries=0)


@pytest.fixture
def model(server):
    return server.ready["models"][0]


def test_a_plain_message(client, model):
    message = client.messages.create(model=model, max_tokens=60, messages=QUESTION, extra_body=EXACT, system="Be brief.")
    assert message.type == "message" and message.role == "assistant" and message.id.startswith("msg_")
    assert message.content[0].type == "text" and message.content[0].text.strip()
    assert message.stop_reason == "end_turn" and message.stop_sequence is None
    assert prompt_tokens(message.usage) > 0 and message.usage.output_tokens > 0
    assert message._request_id.startswith("req_")


def test_a_stream_is_the_plain_message(client, model):
    ask = dict(model=model, max_tokens=60, messages=QUESTION, extra_body=EXACT)
    plain = client.messages.create(**ask)
    with client.messages.stream(**ask) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == plain.content[0].text == final.content[0].text
    assert final.stop_reason == plain.stop_reason
    assert final.usage.output_tokens == plain.usage.output_tokens
    assert prompt_tokens(final.usage) == prompt_tokens(plain.usage)


def test_raw_events_come_in_order(client, model):
    events = list(client.messages.create(model=model, max_tokens=8, messages=QUESTION, extra_body=EXACT, stream=True))
    kinds = [e.type for e in events if e.type != "ping"]
    assert kinds[0] == "message_start" and kinds[1] == "content_block_start"
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(kinds[2:-3]) == {"content_block_delta"}
    assert events[0].message.usage.input_tokens > 0


def test_why_a_message_ended(client, model):
    ask = dict(model=model, messages=QUESTION, extra_body=EXACT)
    full = client.messages.create(max_tokens=60, **ask).content[0].text
    assert client.messages.create(max_tokens=2, **ask).stop_reason == "max_tokens"
    word = full.split()[1]
    stopped = client.messages.create(max_tokens=60, stop_sequences=["never seen", word], **ask)
    assert stopped.stop_reason == "stop_sequence" and stopped.stop_sequence == word
    assert stopped.content[0].text == full[:full.index(word)]


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "add"}])
def test_a_forced_tool_is_called(client, model, choice):
    ask = dict(model=model, max_tokens=200, messages=QUESTION, extra_body=EXACT, tools=[{**ADD, "strict": True}], tool_choice=choice)
    message = client.messages.create(**ask)
    assert message.stop_reason == "tool_use"
    call = message.content[0]
    assert call.type == "tool_use" and call.name == "add" and isinstance(call.input["a"], int) and isinstance(call.input["b"], int)
    with client.messages.stream(**ask) as stream:
        final = stream.get_final_message()
    assert final.content[0].input == call.input and final.stop_reason == "tool_use"
    after = client.messages.create(
        model=model, max_tokens=30, extra_body=EXACT, tools=[ADD],
        messages=[*QUESTION, {"role": "assistant", "content": message.content},
                  {"role": "user", "content": [{"type": "tool_result", "tool_use_id": b.id, "content": "17"}
                                               for b in message.content]}])
    assert after.role == "assistant"


def test_tokens_are_counted(client, model):
    count = client.messages.count_tokens(model=model, messages=QUESTION, system="Be brief.")
    used = client.messages.create(model=model, max_tokens=1, messages=QUESTION, system="Be brief.").usage
    assert count.input_tokens == prompt_tokens(used)


def test_models_are_listed(client, model):
    listed = client.models.list()
    assert model in [m.id for m in listed.data] and client.models.retrieve(model).type == "model"


def test_errors_are_of_the_clients_classes(client, server, model):
    with pytest.raises(anthropic.NotFoundError) as unknown:
        client.messages.create(model="no-such-model", max_tokens=5, messages=QUESTION)
    assert unknown.value.body["error"]["type"] == "not_found_error"
    with pytest.raises(anthropic.AuthenticationError) as wrong:
        anthropic.Anthropic(base_url=server.url, api_key="sk-wrong-0123456789abcdef").models.list()
    assert "0123456789" not in str(wrong.value)
    with pytest.raises(anthropic.BadRequestError) as bad:
        client.messages.create(model=model, max_tokens=5, messages=QUESTION, extra_body={"temperature": 3})
    assert bad.value.body["type"] == "error" and "temperature" in bad.value.body["error"]["message"]
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(model=model, max_tokens=5, messages=[{"role": "user", "content": "apple " * 20000}])


def test_the_key_comes_by_either_header(server, model):
    body = json.dumps({"model": model, "max_tokens": 3, "messages": QUESTION}).encode()
    for header in ({"x-api-key": server.ready["api_key"]}, {"Authorization": f"Bearer {server.ready['api_key']}"}):
        request = urllib.request.Request(server.url + "/v1/messages", body,
                                         {**header, "content-type": "application/json", "anthropic-version": "2023-06-01"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.headers["request-id"].startswith("req_") and json.load(answer)["type"] == "message"
