#!/usr/bin/env python3
"""The table of card.md: models/charter-moderation-mini/evaluate.py DATA [CHARTER [MODEL]]

DATA holds the public sets (harmbench_advbench_strongreject/, xstest/, ifeval/, truthfulqa/, lambada/). They are read here
and nowhere else: neither training nor the choice of thresholds sees them."""
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

data = pathlib.Path(sys.argv[1])
charter = sys.argv[2] if len(sys.argv) > 2 else "build/charter"
model = sys.argv[3] if len(sys.argv) > 3 else str(pathlib.Path(__file__).parent)
harm = data / "harmbench_advbench_strongreject"


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def lines(path):
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


xstest = rows(data / "xstest/xstest_prompts.csv")
harmful = {
    "harmbench": [
        (row["ContextString"] + "\n" + row["Behavior"]).strip()
        for row in rows(harm / "harmbench_behaviors_text_all.csv")
        if row["FunctionalCategory"] != "copyright"
    ],
    "advbench": [row["goal"] for row in rows(harm / "advbench_harmful_behaviors.csv")],
    "strongreject": [row["forbidden_prompt"] for row in rows(harm / "strongreject_dataset.csv")],
    "malicious-instruct": lines(harm / "malicious_instruct.txt"),
    "xstest-unsafe": [row["prompt"] for row in xstest if row["label"] == "unsafe"],
}
harmless = {
    "xstest-safe": [row["prompt"] for row in xstest if row["label"] == "safe"],
    "ifeval": [json.loads(line)["prompt"] for line in lines(data / "ifeval/input_data.jsonl")],
    "truthfulqa": [row["Question"] for row in rows(data / "truthfulqa/TruthfulQA.csv")],
    "lambada": [json.loads(line)["text"] for line in lines(data / "lambada/lambada_test.jsonl")],
}
with tempfile.TemporaryDirectory() as folder:
    command = [charter, "moderation", "evaluate", model]
    for option, sets in (("--harmful", harmful), ("--harmless", harmless)):
        for name, texts in sets.items():
            path = pathlib.Path(folder) / name
            path.write_text("".join(json.dumps(text, ensure_ascii=False) + "\n" for text in texts), encoding="utf-8")
            command += [option, str(path)]
    sys.exit(subprocess.run(command, check=False).returncode)
