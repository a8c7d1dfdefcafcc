"""Answers go on whatever happens to the page that asked: reloads, a lost network, a second device (node/page_resume.mjs)."""
import json
import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).parent


def test_interrupted_answers_come_out_whole(new_server):
    rounds = os.environ.get("RESUME_ROUNDS", "8")
    server = new_server("data")
    done = subprocess.run(
        ["node", HERE / "node" / "page_resume.mjs", server.url, server.ready["owner_link"], server.ready["api_key"],
         server.ready["models"][0], rounds], capture_output=True, text=True, timeout=120 + 10 * int(rounds))
    assert done.returncode == 0, done.stderr + server.log_text()
    # An interruption that comes when the answer has just ended tests nothing.
    assert json.loads(done.stdout)["during"] >= int(rounds) // 2, done.stdout
