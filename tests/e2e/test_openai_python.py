"""The official OpenAI client for Python, unchanged: tools, structured outputs, embeddings, completions, stored answers."""
import base64
import json
import struct

import openai
import pydantic
import pytest

QUESTION = [{"role": "user", "content": "Tom has 12 apples and gives away 5. How many are left?"}]
ADD = {"type": "function", "function": {
    "name": "add", "description": "adds", "strict": True,
    "parameters": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
                   "required": ["a", "b"], "additionalProperties": False}}}
NOW = {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture
def client(server):
    return openai.OpenAI(base_url=server.url + "/v1", api_key=server.ready["api_key"], max_retries=0)


@pytest.fixture
def model(server):
    return server.ready["models"][0]


class Apples(pydantic.BaseModel):
    left: int
    enough: bool
    kind: str | None


def check_add(call):
    arguments = json.loads(call.function.arguments)
    assert call.function.name == "add" and list(arguments) == ["a", "b"]
    assert all(isinstance(v, int) for v in arguments.values())


@pytest.mark.parametrize("choice, finish", [
    ("required", "tool_calls"), ({"type": "function", "function": {"name": "add"}}, "stop")])
def test_a_forced_tool_is_called_whole_and_streamed(client, model, choice, finish):
    ask = dict(model=model, messages=QUESTION, temperature=0, max_tokens=200, tools=[ADD], tool_choice=choice,
               parallel_tool_calls=False)
    plain = client.chat.completions.create(**ask).choices[0]
    assert plain.finish_reason == finish and plain.message.content is None
    assert len(plain.message.tool_calls) == 1 and plain.message.tool_calls[0].type == "function"
    check_add(plain.message.tool_calls[0])

    name, arguments, ids, roles = "", "", set(), 0
    for chunk in client.chat.completions.create(stream=True, **ask):
        delta = chunk.choices[0].delta
        roles += delta.role is not None
        assert not delta.content
        for call in delta.tool_calls or []:
            assert call.index == 0
            name += call.function.name or ""
            arguments += call.function.arguments or ""
            ids |= {call.id} - {None}
        last = chunk.choices[0].finish_reason
    assert (name, arguments, last) == ("add", plain.message.tool_calls[0].function.arguments, finish)
    assert len(ids) == 1 and roles == 1

    with client.chat.completions.stream(**ask) as stream:
        final = stream.get_final_completion()
    check_add(final.choices[0].message.tool_calls[0])


def test_a_turn_with_the_results_of_tools(client, model):
    ask = dict(model=model, temperature=0, max_tokens=40, tools=[ADD, NOW])
    first = client.chat.completions.create(messages=QUESTION, **{**ask, "max_tokens": 200}, tool_choice="required").choices[0].message
    results = [{"role": "tool", "tool_call_id": call.id, "content": "7"} for call in first.tool_calls]
    after = client.chat.completions.create(messages=[*QUESTION, first, *results], tool_choice="none", **ask)
    assert after.choices[0].message.tool_calls is None and after.choices[0].message.role == "assistant"
    with pytest.raises(openai.BadRequestError) as unanswered:
        client.chat.completions.create(messages=[*QUESTION, first, *QUESTION], **ask)
    assert unanswered.value.param == "messages.[2].role"


def test_parsed_answers(client, model):
    ask = dict(model=model, messages=QUESTION, temperature=0, max_tokens=200)
    parsed = client.chat.completions.parse(response_format=Apples, **ask).choices[0].message.parsed
    assert isinstance(parsed.left, int) and isinstance(parsed.enough, bool)
    with client.chat.completions.stream(response_format=Apples, **ask) as stream:
        events = [event.type for event in stream]
        assert stream.get_final_completion().choices[0].message.parsed == parsed
    assert "content.delta" in events and events[-1] == "chunk" or "content.done" in events


def test_an_answer_cut_short_does_not_parse(client, model):
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(model=model, messages=QUESTION, max_tokens=2, response_format=Apples)


def test_a_json_object(client, model):
    messages = [{"role": "user", "content": "Say it in JSON."}]
    for seed in range(3):
        choice = client.chat.completions.create(model=model, messages=messages, temperature=1, seed=seed, max_tokens=300,
                                                response_format={"type": "json_object"}).choices[0]
        assert choice.message.content.lstrip().startswith("{")
        if choice.finish_reason == "stop":
            assert isinstance(json.loads(choice.message.content), dict)


def test_schemas_that_cannot_be_kept(client, model):
    open_object = {"type": "object", "properties": {"a": {"type": "object", "properties": {}}}, "required": ["a"],
                   "additionalProperties": False}
    with pytest.raises(openai.BadRequestError) as schema:
        client.chat.completions.create(model=model, messages=QUESTION, response_format={
            "type": "json_schema", "json_schema": {"name": "n", "schema": open_object, "strict": True}})
    assert schema.value.param == "response_format"
    assert schema.value.body["message"].startswith(
        "Invalid schema for response_format 'n': In context=('properties', 'a'), 'additionalProperties' is required")
    tool = {"type": "function", "function": {"name": "f", "parameters": open_object, "strict": True}}
    with pytest.raises(openai.BadRequestError) as parameters:
        client.chat.completions.create(model=model, messages=QUESTION, tools=[tool])
    assert parameters.value.code == "invalid_function_parameters"
    assert parameters.value.param == "tools[0].function.parameters"


def test_the_form_before_tools(client, model):
    function = {k: ADD["function"][k] for k in ("name", "description", "parameters")}
    choice = client.chat.completions.create(model=model, messages=QUESTION, temperature=0, max_tokens=200, functions=[function],
                                            function_call={"name": "add"}).choices[0]
    assert choice.message.function_call.name == "add" and choice.message.tool_calls is None
    assert isinstance(json.loads(choice.message.function_call.arguments), dict)


def test_embeddings_are_the_same_in_either_form(client, model):
    one = client.embeddings.create(model=model, input="apples")  # the client asks for base64
    floats = client.embeddings.create(model=model, input=["apples", "pears"], encoding_format="float")
    assert [d.index for d in floats.data] == [0, 1]
    assert one.data[0].embedding == pytest.approx(floats.data[0].embedding, abs=1e-6)
    assert sum(x * x for x in one.data[0].embedding) == pytest.approx(1, abs=1e-4)
    assert floats.data[0].embedding != floats.data[1].embedding
    raw = client.embeddings.create(model=model, input="apples", encoding_format="base64").data[0].embedding
    unpacked = list(struct.iter_unpack("<f", base64.b64decode(raw)))
    assert [x for (x,) in unpacked] == one.data[0].embedding
    short = client.embeddings.create(model=model, input="apples", dimensions=16)
    assert len(short.data[0].embedding) == 16 and sum(x * x for x in short.data[0].embedding) == pytest.approx(1, abs=1e-4)
    tokens = client.embeddings.create(model=model, input=[[5, 6, 7], [8]])
    assert len(tokens.data) == 2 and tokens.usage.prompt_tokens == 4 == tokens.usage.total_tokens


def test_completions_echo_score_and_stream(client, model):
    scored = client.completions.create(model=model, prompt="Tom has 12 apples.", echo=True, max_tokens=0, logprobs=2)
    choice = scored.choices[0]
    assert choice.text == "Tom has 12 apples." and scored.usage.completion_tokens == 0
    assert choice.logprobs.token_logprobs[0] is None and all(p <= 0 for p in choice.logprobs.token_logprobs[1:])
    assert "".join(choice.logprobs.tokens) == choice.text
    assert choice.logprobs.text_offset == [len("".join(choice.logprobs.tokens[:i])) for i in range(len(choice.logprobs.tokens))]
    assert choice.logprobs.top_logprobs[0] is None and all(len(t) >= 2 for t in choice.logprobs.top_logprobs[1:])

    ask = dict(model=model, prompt=["Tom has", "She had"], temperature=0, max_tokens=6)
    plain = client.completions.create(n=2, **ask)
    assert [c.index for c in plain.choices] == [0, 1, 2, 3]
    texts = ["", ""]
    for chunk in client.completions.create(stream=True, stream_options={"include_usage": True}, **ask):
        for piece in chunk.choices:
            texts[piece.index] += piece.text
        usage = chunk.usage
    assert texts == [plain.choices[0].text, plain.choices[2].text]
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert len(client.completions.create(model=model, prompt=[55, 481, 402]).choices) == 1


def test_stored_answers(client, model):
    kept = client.chat.completions.create(model=model, messages=QUESTION, max_tokens=5, store=True, metadata={"topic": "apples"})
    client.chat.completions.create(model=model, messages=QUESTION, max_tokens=5)  # not kept
    streamed = None
    for chunk in client.chat.completions.create(model=model, messages=QUESTION, max_tokens=5, store=True, stream=True):
        streamed = chunk.id
    assert [c.id for c in client.chat.completions.list()] == [kept.id, streamed]
    assert [c.id for c in client.chat.completions.list(limit=1)] == [kept.id, streamed]  # pages are walked
    assert [c.id for c in client.chat.completions.list(metadata={"topic": "apples"})] == [kept.id]
    again = client.chat.completions.retrieve(kept.id)
    assert again.choices[0].message.content == kept.choices[0].message.content and again.metadata == {"topic": "apples"}
    assert client.chat.completions.update(kept.id, metadata={"topic": "pears"}).metadata == {"topic": "pears"}
    messages = list(client.chat.completions.messages.list(kept.id))
    assert [m.content for m in messages] == [QUESTION[0]["content"]]
    gone = client.chat.completions.delete(kept.id)
    assert gone.deleted and gone.object == "chat.completion.deleted" and gone.id == kept.id
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.retrieve(kept.id)


def test_headers_and_nulls(client, server, model):
    raw = client.chat.completions.with_raw_response.create(model=model, messages=QUESTION, max_tokens=3)
    for name in ("x-request-id", "openai-organization", "openai-processing-ms", "openai-version"):
        assert raw.headers[name], name
    nulls = {name: None for name in ("temperature", "top_p", "n", "stop", "seed", "logprobs", "tools", "tool_choice", "user",
                                     "response_format", "logit_bias", "metadata", "store", "service_tier", "max_tokens")}
    answer = client.chat.completions.create(model=model, messages=QUESTION, max_completion_tokens=3, extra_body=nulls)
    assert answer.service_tier == "default" and answer.choices[0].message.annotations == []


def test_no_request_of_a_client_is_retried_for_its_own_mistake(server, model):
    tries = []
    client = openai.OpenAI(base_url=server.url + "/v1", api_key=server.ready["api_key"], max_retries=3)
    client._client.event_hooks["request"].append(lambda request: tries.append(request.url))
    for bad in ({"temperature": 9}, {"model": "nope"}, {"n": 0}, {"messages": []}):
        with pytest.raises(openai.APIStatusError):
            client.chat.completions.create(**{"model": model, "messages": QUESTION, **bad})
    assert len(tries) == 4


def test_models_and_moderations(client, model):
    with pytest.raises(openai.PermissionDeniedError):
        client.models.delete(model)
    with pytest.raises(openai.NotFoundError):
        client.models.delete("ft:no:such:model")
    verdict = client.moderations.create(input="apples").results[0]  # by the house's own model
    assert not verdict.flagged and 0 <= verdict.category_scores.violence < 1
    with pytest.raises(openai.NotFoundError) as none:
        client.moderations.create(input="apples", model="no-such-moderation")
    assert none.value.code == "model_not_found"
