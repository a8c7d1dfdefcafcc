"""Structured outputs and forced tools hold whatever the model: random schemas against an independent validator, a model at a
high temperature, the official client."""
import json
import random

import jsonschema
import openai
import pytest

QUESTION = [{"role": "user", "content": "Describe something as JSON."}]
NAMES = ["a", "b", "name", "größe", "x y", 'q"uote', "日本", "id", "\\b", "emoji😀"]
PATTERNS = ["^[a-z]{1,5}$", "^(foo|bar){1,3}\\d{2}$", "^[A-Z]{2}-[0-9A-F]{3}$", '^[^"\\\\a-z]{1,3}$']
FORMATS = ["date", "ipv4", "ipv6", "uuid", "email"]


@pytest.fixture
def client(server):
    return openai.OpenAI(base_url=server.url + "/v1", api_key=server.ready["api_key"], max_retries=0)


@pytest.fixture
def model(server):
    return server.ready["models"][0]


def scalar(rng):
    low = rng.randint(-1000, 1000)
    return rng.choice([
        lambda: {"type": "boolean"},
        lambda: {"enum": rng.sample(NAMES + [1, 2.5, None, True, -3], rng.randint(1, 5))},
        lambda: {"const": rng.choice(["x", 7, None, {"k": [1, {"é": "ü"}]}])},
        lambda: {"type": "integer", "minimum": low, "maximum": low + rng.randint(0, 2000)},
        lambda: {"type": "integer", "multipleOf": rng.choice([2, 3, 7]), "minimum": low, "maximum": low + 100},
        lambda: {"type": "number", "exclusiveMinimum": low / 8, "maximum": low / 8 + 0.5},
        lambda: {"type": ["integer", "null"]},
        lambda: {"type": "string", "minLength": rng.randint(0, 3), "maxLength": rng.randint(3, 9)},
        lambda: {"type": "string", "pattern": rng.choice(PATTERNS)},
        lambda: {"type": "string", "format": rng.choice(FORMATS)},
    ])()


def value(rng, depth):
    kind = rng.random()
    if depth == 0 or kind < 0.5:
        return scalar(rng)
    if kind < 0.7:
        return object_schema(rng, depth - 1)
    if kind < 0.82:
        return {"type": "array", "items": value(rng, depth - 1), "minItems": rng.randint(0, 1), "maxItems": rng.randint(1, 3)}
    if kind < 0.94:
        return {"anyOf": [value(rng, depth - 1) for _ in range(rng.randint(1, 3))]}
    return {"$ref": "#/$defs/list"}


def object_schema(rng, depth):
    names = rng.sample(NAMES, rng.randint(1, 3))
    return {"type": "object", "properties": {name: value(rng, depth) for name in names},
            "required": rng.sample(names, len(names)), "additionalProperties": False}


def root_schema(rng):
    node = {"type": "object", "properties": {"v": scalar(rng), "next": {"anyOf": [{"$ref": "#/$defs/list"}, {"type": "null"}]}},
            "required": ["v", "next"], "additionalProperties": False}
    return {**object_schema(rng, 2), "$defs": {"list": node}}


def check(schema, text):
    read = json.loads(text)
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER).validate(read)
    assert list(read) == list(schema["properties"])


def test_every_finished_answer_fits_its_schema(client, model):
    rng = random.Random(11)
    finished = 0
    for seed in range(30):
        schema = root_schema(rng)
        answer = client.chat.completions.create(
            model=model, messages=QUESTION, temperature=2, seed=seed, max_tokens=400,
            response_format={"type": "json_schema", "json_schema": {"name": "it", "strict": True, "schema": schema}})
        choice = answer.choices[0]
        if choice.finish_reason == "length":
            continue
        finished += 1
        assert choice.finish_reason == "stop"
        check(schema, choice.message.content)
    assert finished >= 25


def test_a_forced_call_has_fitting_arguments(client, model):
    rng = random.Random(12)
    for seed in range(8):
        schema = object_schema(rng, 0)
        while len(json.dumps(schema)) > 220:  # the tools are part of the prompt, and the bundled model reads 512 tokens
            schema = object_schema(rng, 0)
        tools = [{"type": "function", "function": {"name": "note", "strict": True, "parameters": schema}},
                 {"type": "function", "function": {"name": "other"}}]
        named = {"type": "function", "function": {"name": "note"}}
        for choice in (named, "required"):
            answer = client.chat.completions.create(
                model=model, messages=QUESTION, temperature=1.5, seed=seed, max_tokens=200, tools=tools, tool_choice=choice,
                parallel_tool_calls=False).choices[0]
            if answer.finish_reason == "length":
                continue
            assert answer.finish_reason == ("stop" if choice is named else "tool_calls")
            assert not answer.message.content and len(answer.message.tool_calls) == 1
            function = answer.message.tool_calls[0].function
            if function.name == "note":
                check(schema, function.arguments)
            else:
                assert choice == "required" and isinstance(json.loads(function.arguments), dict)


def test_json_mode_writes_an_object(client, model):
    for seed in range(5):
        choice = client.chat.completions.create(
            model=model, messages=QUESTION, temperature=1, seed=seed, max_tokens=300,
            response_format={"type": "json_object"}).choices[0]
        if choice.finish_reason == "stop":
            assert isinstance(json.loads(choice.message.content), dict)


def test_a_schema_that_strict_mode_does_not_take_is_refused_with_its_path(client, model):
    schema = {"type": "object", "properties": {"a": {"type": "object", "properties": {}}}, "required": ["a"],
              "additionalProperties": False}
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(
            model=model, messages=QUESTION,
            response_format={"type": "json_schema", "json_schema": {"name": "it", "strict": True, "schema": schema}})
    assert refused.value.param == "response_format"
    assert "Invalid schema for response_format 'it': In context=('properties', 'a'), 'additionalProperties'" in str(refused.value)
