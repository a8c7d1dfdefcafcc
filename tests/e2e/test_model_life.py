"""One model's whole life by the script of docs/, and what happens when somebody touches what was released."""
import json
import shutil
import subprocess

import pytest
from conftest import CHARTER, ROOT, Server, charter


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A data folder in which docs/one_models_life.sh has trained, judged and released a model of its own."""
    folder = tmp_path_factory.mktemp("life")
    done = subprocess.run([ROOT / "docs" / "one_models_life.sh", folder], capture_output=True, text=True, timeout=900,
                          env={"PATH": f"{CHARTER.parent}:/usr/bin:/bin", "HOME": str(folder)})
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder, done


def test_the_script_ends_in_a_served_answer(released):
    folder, done = released
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["object"] == "chat.completion" and answer["choices"][0]["message"]["content"]


def refused(tmp_path, data):
    """Serves `data`, which must fail; returns what it said."""
    ready = tmp_path / "ready.json"
    done = subprocess.run([CHARTER, "serve", "--data", data, "--listen", "127.0.0.1:0", "--ready", ready],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and not ready.exists()
    return done.stderr


def model_folder(data):
    folders = sorted(p for p in (data / "models").iterdir() if p.is_dir())
    assert len(folders) == 1
    return folders[0]


@pytest.fixture
def copy(released, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(released[0] / "data", data)
    return data


def test_the_copy_is_served(copy, tmp_path):
    server = Server(copy)
    assert server.ready["models"] and server.stop() == 0


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_one_changed_byte_is_refused_by_name(copy, tmp_path, name):
    path = model_folder(copy) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert name in refused(tmp_path, copy)
    verify = charter("verify", model_folder(copy), "--data", copy, check=False)
    assert verify.returncode != 0 and name in verify.stderr + verify.stdout


def test_an_extra_file_is_refused_by_name(copy, tmp_path):
    (model_folder(copy) / "generation_config.extra.json").write_text("{}")
    assert "generation_config.extra.json" in refused(tmp_path, copy)


def test_one_removed_ballot_is_refused(copy, tmp_path):
    path = model_folder(copy) / "release" / "bundle.json"
    bundle = json.loads(path.read_text())
    assert bundle["ballots"]
    bundle["ballots"].pop()
    path.write_text(json.dumps(bundle))
    said = refused(tmp_path, copy)
    assert "ballot" in said.lower() or "THRESHOLD_UNMET" in said, said


def test_no_certificate_no_service(copy, tmp_path):
    (model_folder(copy) / "release" / "bundle.json").unlink()
    assert "bundle.json" in refused(tmp_path, copy)
