"""The page's Decisions rooms in a real headless Chromium: three directors and a safety engineer bring their keys, vote in
the browser, put a model into effect, and one of them stops it. The server never holds a key of theirs."""
import json
import pathlib
import subprocess

from conftest import BUNDLED, charter

HERE = pathlib.Path(__file__).parent

CHARTER = """[charter]
id = "example/lab"
version = 1
prev_sha256 = ""
{persons}
[[body]]
id = "board"
class = "control"
seats = 3
min_filled = 2
members = ["p.ada", "p.bea", "p.cai"]
[[body]]
id = "safety"
class = "consult"
seats = 1
min_filled = 1
members = ["p.fei"]
[[body]]
id = "investors"
class = "economic"
members = ["p.hal"]
[rule.expand]
threshold = "2/3"
floor_for = 2
notice = "0s"
timelock = "2s"
expires = "21d"
consent = ["safety"]
[[power]]
action = "model.promote"
body = "board"
rule = "expand"
needs = ["manifest.sealed", "gate.passed", "two_bodies"]
[[gate]]
id = "arithmetic"
suite = "arith-en"
metric = "accuracy"
direction = "lower"
limit = "0.60"
alpha = "0.05"
min_n = 200
[[gate]]
id = "arithmetic.zh"
suite = "arith-zh"
metric = "accuracy"
direction = "lower"
limit = "0.50"
alpha = "0.05"
min_n = 100
[prices]
input_micro_usd_per_million = 10000000
output_micro_usd_per_million = 30000000
"""


def test_page_governance(new_server, tmp_path):
    persons, keys = "", {}
    for name in ("ada", "bea", "cai", "fei", "hal", "eve"):
        key = tmp_path / f"{name}.key"
        vkey = charter("keygen", f"p.{name}", "--out", key).stdout.strip().splitlines()[-1]
        keys[f"p.{name}"] = key.read_text().strip()
        if name != "eve":
            persons += f'[[person]]\nid = "p.{name}"\nkeys = ["{vkey}"]\n'
    text = tmp_path / "charter.toml"
    text.write_text(CHARTER.format(persons=persons))
    data, ada = tmp_path / "data", tmp_path / "ada.key"
    charter("init", "--data", data, "--charter", text, "--as", "p.ada", "--key", ada)
    charter("propose", "--data", data, "--model", BUNDLED, "--evidence", BUNDLED / "evidence", "--as", "p.ada", "--key", ada)
    server = new_server("data", "--allow-no-model")
    # The command line writes beside the running server.
    charter("vote", "--data", data, "--for", "--as", "p.cai", "--key", tmp_path / "cai.key")

    shots = HERE.parents[1] / "build" / "screenshots"
    shots.mkdir(parents=True, exist_ok=True)
    keyring = tmp_path / "keys.json"
    keyring.write_text(json.dumps(keys))
    done = subprocess.run(
        ["node", HERE / "node" / "page_governance.mjs", server.url, server.ready["owner_link"], keyring, shots],
        capture_output=True, text=True, timeout=300)
    checks = [json.loads(line) for line in done.stdout.splitlines()]
    bad = "\n".join(f"{c['check']}: {c['error']}" for c in checks if not c["ok"])
    assert done.returncode == 0 and not bad, f"{bad}\n{done.stderr}\n{server.log_text()}"
    assert len(checks) >= 12

    # What the page made is what anybody verifies: the bundle that it offered, offline; and the log.
    verified = charter("verify", shots / "bundle.json", "--pin", shots / "pin.json")
    assert "chat" in verified.stdout
    charter("log", "verify", "--data", data)
    for secret in keys.values():
        seed = secret.split("+", 4)[-1]
        stored = [p for p in data.rglob("*") if p.is_file() and seed.encode() in p.read_bytes()]
        assert not stored and seed not in server.log_text()
