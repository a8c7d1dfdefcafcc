"""The page in a real headless Chromium: node/page.mjs does what a person would, and looks at every state."""
import json
import pathlib
import subprocess

HERE = pathlib.Path(__file__).parent


def test_page(new_server, request):
    server = new_server("data")
    shots = HERE.parents[1] / "build" / "screenshots"
    shots.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["node", HERE / "node" / "page.mjs", server.url, server.ready["owner_link"], server.ready["api_key"],
         server.ready["models"][0], shots], capture_output=True, text=True, timeout=300)
    checks = [json.loads(line) for line in done.stdout.splitlines()]
    bad = "\n".join(f"{c['check']}: {c['error']}" for c in checks if not c["ok"])
    assert done.returncode == 0 and not bad, f"{bad}\n{done.stderr}\n{server.log_text()}"
    assert len(checks) >= 17
