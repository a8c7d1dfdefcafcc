"""The responses and conversations APIs, driven by unchanged clients: openai for Python and Node, Vercel's ai, the Agents SDK."""
import asyncio
import json
import pathlib
import subprocess
import time
from typing import Literal

import openai
import pydantic
import pytest

HERE = pathlib.Path(__file__).parent
QUESTION = "Tom has 12 apples and gives away 5. How many are left?"
WEATHER = {"type": "function", "name": "weather", "description": "The weather in a city.", "strict": True, "parameters": {
    "type": "object", "properties": {"city": {"type": "string", "enum": ["Berlin", "Tokyo"]}},
    "required": ["city"], "additionalProperties": False}}


@pytest.fixture
def client(server):
    return openai.OpenAI(base_url=server.url + "/v1", api_key=server.ready["api_key"], max_retries=0)


@pytest.fixture
def model(server):
    return server.ready["models"][0]


class Verdict(pydantic.BaseModel):
    correct: bool
    kind: Literal["sum", "difference"]


def wait_for_end(client, response):
    deadline = time.monotonic() + 60
    while response.status in ("queued", "in_progress"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
        response = client.responses.retrieve(response.id)
    return response


def test_create_and_read_back(client, model):
    response = client.responses.create(model=model, input=QUESTION, temperature=0, metadata={"topic": "apples"})
    assert response.status == "completed" and response.output_text.strip()
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert response.usage.input_tokens_details.cached_tokens >= 0 and response.usage.output_tokens_details.reasoning_tokens == 0
    assert client.responses.retrieve(response.id) == response
    client.responses.delete(response.id)
    with pytest.raises(openai.NotFoundError) as gone:
        client.responses.retrieve(response.id)
    assert gone.value.body["message"] == f"Response with id '{response.id}' not found."


def test_the_stream_helper_accumulates_what_is_stored(client, model):
    with client.responses.stream(model=model, input=QUESTION, temperature=0, top_logprobs=1) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert [e.sequence_number for e in events] == list(range(len(events)))
    deltas = [e for e in events if e.type == "response.output_text.delta"]
    assert "".join(e.delta for e in deltas) == final.output_text
    assert all(p.logprob <= 0 for e in deltas for p in e.logprobs) and any(e.logprobs for e in deltas)
    assert events[0].type == "response.created" and events[-1].type == "response.completed"
    assert client.responses.retrieve(final.id).output_text == final.output_text


def test_structured_output_fits_its_schema(client, model):
    parsed = client.responses.parse(model=model, input="Is 12 - 5 = 7? Answer as JSON.", text_format=Verdict)
    assert isinstance(parsed.output_parsed, Verdict)
    with client.responses.stream(model=model, input="Is 1 + 1 = 3? Answer as JSON.", text_format=Verdict) as stream:
        for _ in stream:
            pass
        assert isinstance(stream.get_final_response().output_parsed, Verdict)


def test_a_round_trip_of_tools(client, model):
    items = [{"role": "user", "content": "What is the weather in Tokyo?"}]
    first = client.responses.create(model=model, input=items, tools=[WEATHER], tool_choice="required", parallel_tool_calls=False)
    (call,) = first.output
    assert call.type == "function_call" and call.id != call.call_id and call.status == "completed"
    assert json.loads(call.arguments)["city"] in ("Berlin", "Tokyo")
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    # Once with the output fed back as it came, once by reference to the response.
    again = client.responses.create(model=model, input=items + [i.model_dump() for i in first.output] + [result])
    chained = client.responses.create(model=model, previous_response_id=first.id, input=[result])
    assert again.usage.input_tokens == chained.usage.input_tokens
    with pytest.raises(openai.BadRequestError) as orphan:
        client.responses.create(model=model, input=[result])
    assert "No tool call found" in orphan.value.message
    with pytest.raises(openai.BadRequestError) as open_call:
        client.responses.create(model=model, previous_response_id=first.id, input="And?")
    assert "No tool output found" in open_call.value.message


def test_calls_are_streamed_by_the_rules(client, model):
    with client.responses.stream(model=model, input="Weather in Berlin?", tools=[WEATHER],
                                 tool_choice={"type": "function", "name": "weather"}) as stream:
        arguments = "".join(e.delta for e in stream if e.type == "response.function_call_arguments.delta")
        (call,) = stream.get_final_response().output
    assert call.name == "weather" and call.arguments == arguments and json.loads(arguments)["city"] in ("Berlin", "Tokyo")


def test_state_by_previous_response(client, model):
    first = client.responses.create(model=model, input="My name is Ann.", instructions="Be brief.", max_output_tokens=16)
    assert first.status in ("completed", "incomplete")
    second = client.responses.create(model=model, input="What is my name?", previous_response_id=first.id)
    alone = client.responses.create(model=model, input="What is my name?", store=False)
    assert second.usage.input_tokens > alone.usage.input_tokens
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(alone.id)
    with pytest.raises(openai.BadRequestError) as unknown:
        client.responses.create(model=model, input="x", previous_response_id="resp_unknown")
    assert unknown.value.code == "previous_response_not_found"


def test_input_items_page_to_their_end(client, model):
    texts = [f"line {i}" for i in range(7)]
    response = client.responses.create(model=model, input=[{"role": "user", "content": t} for t in texts], max_output_tokens=16)
    listed = list(client.responses.input_items.list(response.id, limit=3, order="asc"))
    assert [i.content[0].text for i in listed] == texts
    assert [i.content[0].text for i in client.responses.input_items.list(response.id, limit=2)] == texts[::-1]
    assert client.responses.input_tokens.count(model=model, input="Hello").input_tokens > 0


def test_in_the_background_it_is_polled_resumed_and_cancelled(client, model):
    ended = wait_for_end(client, client.responses.create(model=model, input=QUESTION, background=True))
    assert ended.status == "completed" and ended.output_text.strip()
    stream = client.responses.create(model=model, input=QUESTION, background=True, stream=True)
    seen = [next(stream) for _ in range(3)]
    stream.close()  # the response goes on
    response_id = seen[0].response.id
    rest = list(client.responses.retrieve(response_id, stream=True, starting_after=seen[-1].sequence_number))
    assert [e.sequence_number for e in seen + rest] == list(range(len(seen) + len(rest)))
    assert rest[-1].type == "response.completed"
    text = "".join(e.delta for e in seen + rest if e.type == "response.output_text.delta")
    assert text == client.responses.retrieve(response_id).output_text
    cancelled = client.responses.cancel(client.responses.create(
        model=model, input="Tell me everything.", background=True, temperature=2).id)
    assert cancelled.status in ("cancelled", "completed", "incomplete")
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(client.responses.create(model=model, input="Hi", max_output_tokens=16).id)


def test_a_restart_tells_the_truth_of_what_it_cut_off(new_server):
    server = new_server()
    client = openai.OpenAI(base_url=server.url + "/v1", api_key=server.ready["api_key"], max_retries=0)
    model = server.ready["models"][0]
    done = wait_for_end(client, client.responses.create(model=model, input=QUESTION, background=True))
    events = [e.type for e in client.responses.retrieve(done.id, stream=True)]
    running = [client.responses.create(model=model, input="Tell me everything.", background=True, temperature=2)
               for _ in range(12)]
    server.kill()
    again = new_server()
    client = openai.OpenAI(base_url=again.url + "/v1", api_key=server.ready["api_key"], max_retries=0)
    assert client.responses.retrieve(done.id) == done
    assert [e.type for e in client.responses.retrieve(done.id, stream=True)] == events
    states = [client.responses.retrieve(r.id) for r in running]
    assert all(r.status in ("failed", "completed", "incomplete") for r in states)
    cut = [r for r in states if r.status == "failed"]
    assert cut and all(r.error.code == "server_error" for r in cut)
    last = list(client.responses.retrieve(cut[0].id, stream=True, starting_after=10_000))
    assert [e.type for e in last] == ["response.failed"] and last[0].sequence_number > 10_000


def test_conversations(client, model):
    conversation = client.conversations.create(items=[{"role": "user", "content": "I am Ann."}], metadata={"a": "b"})
    response = client.responses.create(model=model, input="Who am I?", conversation=conversation.id, max_output_tokens=16)
    items = list(client.conversations.items.list(conversation.id, limit=2, order="asc"))
    assert [i.role for i in items] == ["user", "user", "assistant"] and items[2].id == response.output[0].id
    added = client.conversations.items.create(conversation.id, items=[{"role": "user", "content": "Bye."}])
    one = client.conversations.items.retrieve(added.data[0].id, conversation_id=conversation.id)
    assert one.content[0].text == "Bye."
    client.conversations.items.delete(one.id, conversation_id=conversation.id)
    assert client.conversations.update(conversation.id, metadata={"a": "c"}).metadata == {"a": "c"}
    assert client.conversations.delete(conversation.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.conversations.retrieve(conversation.id)


def test_file_search_answers_from_a_vector_store(client, model):
    file = client.files.create(file=("orchard.txt", b"The orchard of Ann has forty pear trees."), purpose="assistants")
    store = client.vector_stores.create(name="orchards")
    client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, poll_interval_ms=50)
    ask = dict(model=model, input="How many pear trees has the orchard?", max_output_tokens=32,
               tools=[{"type": "file_search", "vector_store_ids": [store.id], "max_num_results": 3}])
    found = client.responses.create(include=["file_search_call.results"], **ask)
    search, message = found.output
    assert search.type == "file_search_call" and search.results[0].file_id == file.id and "forty pear" in search.results[0].text
    (citation,) = message.content[0].annotations
    assert citation.type == "file_citation" and citation.file_id == file.id
    assert client.responses.create(**ask).output[0].results is None
    with client.responses.stream(**ask) as stream:
        types = [e.type for e in stream]
        final = stream.get_final_response()
    assert types.index("response.file_search_call.completed") < types.index("response.content_part.added")
    assert "response.output_text.annotation.added" in types and final.output[0].type == "file_search_call"
    follow_up = client.responses.create(model=model, input="Thanks", previous_response_id=found.id, max_output_tokens=16)
    assert follow_up.usage.input_tokens > 0
    with pytest.raises(openai.NotFoundError):
        client.responses.create(**{**ask, "tools": [{"type": "file_search", "vector_store_ids": ["vs_none"]}]})


def test_errors(client, model):
    with pytest.raises(openai.BadRequestError) as unknown:
        client.responses.create(model="no-such-model", input="x")
    assert unknown.value.code == "model_not_found" and unknown.value.param == "model"
    with pytest.raises(openai.BadRequestError) as moved:
        client.responses.create(model=model, input="x", extra_body={"messages": []})
    assert moved.value.code == "unsupported_parameter"
    with pytest.raises(openai.BadRequestError) as long:
        client.responses.create(model=model, input="apple " * 20000, stream=True)
    assert long.value.code == "context_length_exceeded" and long.value.param == "input"
    with pytest.raises(openai.BadRequestError) as schema:
        client.responses.create(model=model, input="x", tools=[{**WEATHER, "parameters": {"type": "object", "properties": {}}}])
    assert schema.value.code == "invalid_function_parameters" and schema.value.param == "tools[0].parameters"


@pytest.mark.parametrize("script", ["responses_client.mjs", "vercel.mjs"])
def test_node_clients(server, model, script):
    done = subprocess.run(["node", HERE / "node" / script, server.url, server.ready["api_key"], model],
                          capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["checks"] >= 10


def test_agents_sdk(server, model):
    import agents

    @agents.function_tool
    def weather(city: Literal["Berlin", "Tokyo"]) -> str:
        """The weather in a city."""
        asked.append(city)
        return "sunny"

    async def run():
        client = openai.AsyncOpenAI(base_url=server.url + "/v1", api_key=server.ready["api_key"])
        agents.set_tracing_disabled(True)
        agent = agents.Agent(
            name="Helper", instructions="Help.", tools=[weather],
            model=agents.OpenAIResponsesModel(model=model, openai_client=client),
            model_settings=agents.ModelSettings(tool_choice="required", temperature=0))
        first = await agents.Runner.run(agent, "What is the weather in Tokyo?")
        session = agents.OpenAIConversationsSession(openai_client=client)
        plain = agents.Agent(name="Talker", model=agent.model, model_settings=agents.ModelSettings(temperature=0))
        await agents.Runner.run(plain, "I am Ann.", session=session)
        streamed = agents.Runner.run_streamed(plain, "Who am I?", session=session)
        async for _ in streamed.stream_events():
            pass
        return first.final_output, await session.get_items()

    asked = []
    output, items = asyncio.run(run())
    assert asked and isinstance(output, str)
    assert [i["role"] for i in items] == ["user", "assistant", "user", "assistant"]
