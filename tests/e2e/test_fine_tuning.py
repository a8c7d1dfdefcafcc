"""Supervised fine-tuning through the official client: on the trainer that exists, to a model that is not served unreleased."""
import json
import time

import openai
import pytest


@pytest.fixture
def client(server):
    return openai.OpenAI(base_url=server.url + "/v1", api_key=server.ready["api_key"], max_retries=0)


@pytest.fixture
def model(server):
    return server.ready["models"][0]


def wait_for(condition, timeout_s=60):
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def training_file(client, count=24, purpose="fine-tune", text=None):
    lines = [json.dumps({"messages": [{"role": "user", "content": f"What is the word of {i}?"},
                                      {"role": "assistant", "content": f"The word of {i} is lantern."}]}) for i in range(count)]
    return client.files.create(file=("train.jsonl", (text or "\n".join(lines)).encode()), purpose=purpose)


def job_ended(client, job):
    return wait_for(lambda: (lambda j: j if j.status in ("succeeded", "failed", "cancelled") else None)(
        client.fine_tuning.jobs.retrieve(job.id)), 240)


def test_a_job_trains_the_model_further(client, model, server):
    job = client.fine_tuning.jobs.create(
        model=model, training_file=training_file(client).id, validation_file=training_file(client, 10).id, suffix="lamp",
        seed=7, method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2, "batch_size": 8}}})
    assert job.object == "fine_tuning.job" and job.id.startswith("ftjob-") and job.seed == 7
    assert job.fine_tuned_model is None and job.hyperparameters.n_epochs == 2
    done = job_ended(client, job)
    assert done.status == "succeeded", done.error
    assert done.fine_tuned_model.startswith(f"ft:{model}:") and ":lamp:" in done.fine_tuned_model
    assert done.finished_at and done.trained_tokens > 0
    table = client.files.content(done.result_files[0]).text.splitlines()
    assert table[0] == "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy" and len(table) == 7
    assert float(table[-1].split(",")[1]) < float(table[1].split(",")[1])
    assert float(table[-1].split(",")[3]) > 0
    events = list(client.fine_tuning.jobs.list_events(job.id, limit=3))
    assert events[-1].message == f"Created fine-tuning job: {job.id}"
    assert any(e.type == "metrics" and e.data["step"] == 6 for e in events)
    assert any("release" in e.message for e in events)
    points = list(client.fine_tuning.jobs.checkpoints.list(job.id))
    assert [c.step_number for c in points] == [6, 3] and points[0].metrics.train_loss > 0
    assert done.fine_tuned_model not in [m.id for m in client.models.list()]
    assert (server.data / "fine_tuned" / job.id / "model" / "manifest.json").exists()
    again = client.fine_tuning.jobs.create(model=done.fine_tuned_model, training_file=done.training_file,
                                           hyperparameters={"n_epochs": 1})
    assert job_ended(client, again).status == "succeeded"


def test_jobs_are_held_ended_and_refused(client, model):
    file = training_file(client, 200)
    job = client.fine_tuning.jobs.create(model=model, training_file=file.id, hyperparameters={"n_epochs": 50})
    wait_for(lambda: any(e.type == "metrics" for e in client.fine_tuning.jobs.list_events(job.id)), 120)
    assert client.fine_tuning.jobs.pause(job.id).status == "paused"
    assert client.fine_tuning.jobs.resume(job.id).status == "queued"
    wait_for(lambda: any("checkpoint" in e.message for e in client.fine_tuning.jobs.list_events(job.id)), 120)
    assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    assert job_ended(client, job).status == "cancelled"
    with pytest.raises(openai.BadRequestError, match="cancelled"):
        client.fine_tuning.jobs.resume(job.id)

    short = job_ended(client, client.fine_tuning.jobs.create(model=model, training_file=training_file(client, 3).id))
    assert short.status == "failed" and short.error.param == "training_file" and "at least 10" in short.error.message
    broken = training_file(client, text="{}\n" * 20)
    failed = job_ended(client, client.fine_tuning.jobs.create(model=model, training_file=broken.id))
    assert failed.status == "failed" and "Line 1" in failed.error.message
    with pytest.raises(openai.NotFoundError):
        client.fine_tuning.jobs.create(model="no-such-model", training_file=file.id)
    with pytest.raises(openai.BadRequestError, match="purpose"):
        client.fine_tuning.jobs.create(model=model, training_file=training_file(client, purpose="batch").id)
    with pytest.raises(openai.InternalServerError) as refused:
        client.fine_tuning.jobs.create(model=model, training_file=file.id, method={"type": "dpo"})
    assert refused.value.status_code == 501
    with pytest.raises(openai.NotFoundError, match="Could not find fine tune"):
        client.fine_tuning.jobs.retrieve("ftjob-none")
