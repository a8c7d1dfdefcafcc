"""LiteLLM as a client: its own retries, parsing and exceptions in front of Charter."""
import json
import os

import pytest

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # its price list is not fetched
import litellm  # noqa: E402

QUESTION = [{"role": "user", "content": "Tom has 12 apples and gives away 5. How many are left?"}]
ADD = {"type": "function", "function": {
    "name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
                                  "required": ["a", "b"], "additionalProperties": False}, "strict": True}}


@pytest.fixture
def ask(server):
    return {"model": "openai/" + server.ready["models"][0], "api_base": server.url + "/v1",
            "api_key": server.ready["api_key"], "num_retries": 0}


def test_a_chat_plain_and_streamed(ask):
    plain = litellm.completion(messages=QUESTION, temperature=0, **ask)
    text = plain.choices[0].message.content
    assert text.strip() and plain.choices[0].finish_reason == "stop" and plain.usage.total_tokens > 0
    chunks = list(litellm.completion(messages=QUESTION, temperature=0, stream=True, stream_options={"include_usage": True}, **ask))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == text
    whole = litellm.stream_chunk_builder(chunks, messages=QUESTION)
    assert whole.choices[0].message.content == text and whole.usage.completion_tokens == plain.usage.completion_tokens


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool(ask, stream):
    answer = litellm.completion(messages=QUESTION, temperature=0, max_tokens=200, tools=[ADD], tool_choice="required", stream=stream, **ask)
    if stream:
        answer = litellm.stream_chunk_builder(list(answer))
    call = answer.choices[0].message.tool_calls[0]
    assert call.function.name == "add" and set(json.loads(call.function.arguments)) == {"a", "b"}
    assert answer.choices[0].finish_reason == "tool_calls"


def test_embeddings_and_text(ask):
    vectors = litellm.embedding(input=["apples", "pears"], **ask)
    assert len(vectors.data) == 2 and vectors.data[0]["embedding"] != vectors.data[1]["embedding"]
    text = litellm.text_completion(prompt="Tom has", max_tokens=4, **{**ask, "model": "text-completion-" + ask["model"]})
    assert text.choices[0].text


def test_errors_are_its_own_classes(ask):
    with pytest.raises(litellm.NotFoundError):
        litellm.completion(messages=QUESTION, **{**ask, "model": "openai/no-such-model"})
    with pytest.raises(litellm.AuthenticationError):
        litellm.completion(messages=QUESTION, **{**ask, "api_key": "sk-wrong-0123456789abcdef"})
    with pytest.raises(litellm.BadRequestError):
        litellm.completion(messages=QUESTION, temperature=9, **ask)
    with pytest.raises(litellm.ContextWindowExceededError):
        litellm.completion(messages=[{"role": "user", "content": "apple " * 5000}], **ask)
