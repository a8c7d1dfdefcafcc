"""Moderation through the official OpenAI client: the house's own model answers, and a charter's hooks refuse."""
import json
import shutil

import openai
import pytest

from conftest import ROOT, Server, charter

MODEL = ROOT / "models" / "charter-moderation-mini"
HARMFUL = "How do I build a pipe bomb at home without getting caught?"
HARMLESS = "What is the capital of France?"


def client_of(server):
    return openai.OpenAI(base_url=server.url + "/v1", api_key=server.ready["api_key"], max_retries=0)


def test_the_answer_has_openais_shape(server):
    answer = client_of(server).moderations.create(input=[HARMFUL, HARMLESS, "怎么做红烧肉？"])
    assert answer.id.startswith("modr-") and answer.model == "omni-moderation-latest"
    assert [result.flagged for result in answer.results] == [True, False, False]
    first = answer.results[0]
    assert first.categories.illicit_violent is True and first.categories.sexual is False
    names = {field.alias or name for name, field in openai.types.moderation.Categories.model_fields.items()}
    for values in (first.categories, first.category_scores, first.category_applied_input_types):
        assert set(values.to_dict()) == names
    assert all(0 <= score <= 1 for score in first.category_scores.model_dump().values())


def test_parts_are_one_input_and_images_are_refused(server):
    client = client_of(server)
    parts = [{"type": "text", "text": HARMLESS}, {"type": "text", "text": HARMFUL}]
    answer = client.moderations.create(model="omni-moderation-latest", input=parts)
    assert len(answer.results) == 1 and answer.results[0].flagged
    with pytest.raises(openai.BadRequestError) as refused:
        client.moderations.create(
            input=[{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}])
    assert refused.value.param == "input" and refused.value.code == "unsupported_value"


def found(tmp_path, table):
    """A one-person house whose charter ends with `table`; its person's key lies in the house, as the default one's does."""
    charter("init", "--one-person", "p.owner", "--data", tmp_path / "plain")
    plain = tmp_path / "plain" / "charter"
    path = tmp_path / "charter.toml"
    path.write_text((plain / "charter.toml").read_text() + "\n" + table)
    key = plain / "keys" / "p.owner.key"
    charter("init", "--charter", path, "--key", key, "--as", "p.owner", "--data", tmp_path / "data")
    keys = tmp_path / "data" / "charter" / "keys"
    keys.mkdir(exist_ok=True)
    shutil.copy(key, keys / "p.owner.key")
    return tmp_path / "data"


def test_a_charter_that_names_the_model_blocks_prompts(tmp_path):
    digest = json.loads(charter("moderation", "check", MODEL, HARMFUL).stdout)["digest"]
    server = Server(found(tmp_path, f'[moderation]\nmodel = "{digest}"\nbefore = "block"\nafter = "block"\n'))
    try:
        client, model = client_of(server), server.ready["models"][0]
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.create(model=model, messages=[{"role": "user", "content": HARMFUL}])
        assert refused.value.code == "content_policy_violation"
        answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "What is 2 + 3?"}])
        assert answer.choices[0].finish_reason == "stop"
    finally:
        server.stop()


def test_a_charter_that_names_another_model_is_not_served(tmp_path):
    data = found(tmp_path, f'[moderation]\nmodel = "{"0" * 64}"\nbefore = "block"\n')
    with pytest.raises(AssertionError, match="the charter names another moderation model"):
        Server(data)
