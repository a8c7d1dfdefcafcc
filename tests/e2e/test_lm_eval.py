"""EleutherAI's evaluation harness runs a small task to the end over Charter's API. The task is made here: nothing is fetched."""
import json
import os
import subprocess
import sys

import pytest
from conftest import BUNDLED

GENERATE = """
task: charter_sums
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{until: ["\\n"], max_gen_toks: 24, temperature: 0}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
"""
CHOOSE = """
task: charter_choices
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: ["{{{{answer}}}}", "{{{{wrong}}}}"]
doc_to_target: 0
metric_list: [{{metric: acc, aggregation: mean, higher_is_better: true}}]
"""


@pytest.fixture
def tasks(tmp_path):
    data = tmp_path / "sums.jsonl"
    data.write_text("".join(json.dumps({"question": f"What is {a} + {a + 3}?", "answer": f"The answer is {2 * a + 3}.",
                                        "wrong": f"The answer is {a}."}) + "\n" for a in range(2, 8)))
    (tmp_path / "sums.yaml").write_text(GENERATE.format(data=data))
    (tmp_path / "choices.yaml").write_text(CHOOSE.format(data=data))
    return tmp_path


def evaluate(server, tasks, model, task, path, *more):
    arguments = f"model={server.ready['models'][0]},base_url={server.url}/v1/{path},num_concurrent=2,max_retries=1,max_length=512"
    arguments += f",tokenizer={BUNDLED}" if model == "local-completions" else ""
    done = subprocess.run(
        [sys.executable, "-m", "lm_eval", "run", "--model", model, "--model_args", arguments, "--tasks", task,
         "--include_path", tasks, "--output_path", tasks / "out", *more],
        capture_output=True, text=True, timeout=300,
        env={**os.environ, "OPENAI_API_KEY": server.ready["api_key"], "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1",
             "HF_HOME": str(tasks / "cache"), "TOKENIZERS_PARALLELISM": "false"})
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    [results] = (tasks / "out").rglob("results_*.json")
    return json.loads(results.read_text())


def test_generation_over_completions(server, tasks):
    results = evaluate(server, tasks, "local-completions", "charter_sums", "completions", "--batch_size", "3")
    assert results["n-samples"]["charter_sums"]["effective"] == 6
    assert 0 <= results["results"]["charter_sums"]["exact_match,none"] <= 1


def test_choices_by_likelihood_over_completions(server, tasks):
    results = evaluate(server, tasks, "local-completions", "charter_choices", "completions")
    assert results["n-samples"]["charter_choices"]["effective"] == 6
    assert 0 <= results["results"]["charter_choices"]["acc,none"] <= 1


def test_generation_over_chat(server, tasks):
    results = evaluate(server, tasks, "local-chat-completions", "charter_sums", "chat/completions", "--apply_chat_template")
    assert results["n-samples"]["charter_sums"]["effective"] == 6
