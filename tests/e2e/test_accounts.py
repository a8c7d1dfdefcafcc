"""Accounts: the operator's command line with the server running and stopped, backups, the page's settings with a
virtual authenticator, signing in at a real OpenID provider; and that no secret shows anywhere."""
import json
import os
import pathlib
import shutil
import socket
import subprocess

import pytest
import httpx2 as httpx

from conftest import CHARTER, charter

HERE = pathlib.Path(__file__).parent


def lines(*arguments, **options):
    return [json.loads(line) for line in charter(*arguments, "--json", **options).stdout.splitlines()]


def run_node(script, *arguments):
    done = subprocess.run(["node", HERE / "node" / script, *map(str, arguments)], capture_output=True, text=True, timeout=300)
    checks = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"check"')]
    bad = "\n".join(f"{c['check']}: {c['error']}" for c in checks if not c["ok"])
    assert done.returncode == 0 and not bad, f"{bad}\n{done.stderr}"
    return checks


def operate(data):
    """What an operator does, by whichever way the command line takes. Returns the secrets it saw."""
    project = lines("project", "create", "Robots", "--data", data)[0]
    made = lines("key", "create", "--data", data, "--project", project["id"], "--name", "ci", "--scope", "model.read")[0]
    assert made["value"].startswith("sk-charter-")
    admin = lines("key", "create", "--data", data, "--kind", "admin")[0]
    service = lines("project", "add-service", project["id"], "bot", "--data", data)[0]
    rotated = lines("key", "rotate", made["id"], "--grace", "1h", "--data", data)[0]
    listed = lines("key", "list", "--data", data, "--project", project["id"])
    assert {k["id"] for k in listed} == {made["id"], service["api_key"]["id"]}
    lines("key", "revoke", service["api_key"]["id"], "--data", data)
    assert service["api_key"]["id"] not in {k["id"] for k in lines("key", "list", "--data", data)}
    invite = lines("user", "invite", "eve@example.com", "--role", "admin", "--data", data)[0]
    assert lines("user", "invitations", "--data", data)[0]["status"] == "pending"
    lines("user", "withdraw", invite["id"], "--data", data)
    limit = lines("limit", "set", "project", project["id"], "--usd-per-day", "1.5", "--requests-per-minute", "7", "--data", data)[0]
    assert (limit["usd_per_day"], limit["requests_per_minute"]) == ("1.50", 7)
    lines("limit", "set", "project", project["id"], "--usd-per-day", "none", "--requests-per-minute", "none", "--data", data)
    assert lines("limit", "list", "--data", data) == []
    link = lines("key", "owner-link", "--data", data)[0]["owner_link"]
    lines("project", "archive", project["id"], "--data", data)
    refused = charter("key", "create", "--data", data, "--scope", "everything", check=False)
    assert refused.returncode == 64 and "model.request" in refused.stderr
    return [made["value"], rotated["value"], admin["value"], service["api_key"]["value"], link.split("=")[1],
            invite["path"].split("=")[1]]


def test_command_line_with_a_server_and_without(new_server, tmp_path):
    server = new_server("data")
    secrets = operate(server.data)
    admin = {"Authorization": f"Bearer {secrets[2]}"}
    events = httpx.get(f"{server.url}/v1/organization/audit_logs?limit=100", headers=admin).json()
    assert {e["actor"]["type"] for e in events["data"]} >= {"local"}
    assert httpx.get(f"{server.url}/v1/models", headers=admin).status_code == 403
    findings = {f["check"]: f for f in lines("doctor", "--data", server.data)}
    assert all(f["ok"] for f in findings.values()), findings
    assert server.stop() == 0
    secrets += operate(server.data)
    assert not (server.data / "control.sock").exists()
    listen = {**os.environ, "CHARTER_LISTEN": "127.0.0.1:0"}
    findings = {f["check"]: f for f in lines("doctor", "--data", server.data, env=listen)}
    assert all(f["ok"] for f in findings.values()) and "transfers" in findings["ledger: digests"]["note"]
    assert findings["port 127.0.0.1:0"]["ok"]
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = "127.0.0.1:%d" % other.getsockname()[1]
        found = charter("doctor", "--data", server.data, check=False, env={**os.environ, "CHARTER_LISTEN": taken})
        assert found.returncode == 69 and f"BAD  port {taken}: " in found.stdout and "in use" in found.stdout

    backup = tmp_path / "backup"
    charter("backup", backup, "--data", server.data)
    for secret in secrets:
        for path in [*server.data.rglob("*"), *backup.rglob("*"), server.log_path]:
            if path.is_file():
                assert secret.encode() not in path.read_bytes(), path


def test_a_backup_is_restored_and_a_changed_one_is_not(new_server, tmp_path):
    server = new_server("data")
    key = lines("key", "create", "--data", server.data)[0]
    headers = {"Authorization": f"Bearer {key['value']}"}
    answer = httpx.post(f"{server.url}/v1/chat/completions", headers=headers, json={
        "model": server.ready["models"][0], "max_tokens": 4, "messages": [{"role": "user", "content": "Hello"}]})
    assert answer.status_code == 200
    backup = tmp_path / "backup"
    charter("backup", backup, "--data", server.data)
    assert not (backup / "secrets.key").exists()
    charter("backup", backup, "--verify")
    assert charter("backup", backup, "--data", server.data, check=False).returncode == 73
    server.stop()

    restored = tmp_path / "restored"
    restored.mkdir()
    shutil.copy(server.data / "secrets.key", restored)
    charter("restore", backup, "--data", restored)
    assert charter("restore", backup, "--data", restored, check=False).returncode == 73
    again = new_server("restored")
    assert httpx.get(f"{again.url}/v1/models", headers=headers).status_code == 200
    assert [r["id"] for r in lines("key", "list", "--data", restored)] == [r["id"] for r in lines("key", "list", "--data", server.data)]
    again.stop()
    charter("rebuild", "--data", restored)

    database = backup / "ledger.db"
    bytes_before = database.read_bytes()
    database.write_bytes(bytes_before[:-1] + bytes([bytes_before[-1] ^ 1]))
    refused = charter("restore", backup, "--data", tmp_path / "other", check=False)
    assert refused.returncode == 65 and "ledger.db" in refused.stderr
    assert not (tmp_path / "other").exists()


def test_upgrade_keeps_a_way_back(new_server):
    server = new_server("data")
    assert charter("upgrade", "--data", server.data, check=False).returncode == 69
    server.stop()
    report = lines("upgrade", "--data", server.data)[0]
    assert report["before"] == report["after"]
    late = lines("project", "create", "Late", "--data", server.data)[0]
    charter("rollback", "--data", server.data)
    assert late["id"] not in {p["id"] for p in lines("project", "list", "--data", server.data)}


def test_settings_of_the_page(new_server):
    server = new_server("data")
    shots = HERE.parents[1] / "build" / "screenshots"
    shots.mkdir(parents=True, exist_ok=True)
    local = server.url.replace("127.0.0.1", "localhost")
    link = server.ready["owner_link"].replace("127.0.0.1", "localhost")
    assert len(run_node("accounts.mjs", local, link, shots)) >= 12


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_signing_in_at_a_provider(new_server, algorithm):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    issuer = f"http://localhost:{port}"
    server = new_server("data", "--oidc-issuer", issuer, "--oidc-client-id", "charter",
                        env={"CHARTER_OIDC_CLIENT_SECRET": "provider-canary-secret"})
    lines("user", "invite", "ada@example.com", "--data", server.data)
    local = server.url.replace("127.0.0.1", "localhost")
    run_node("oidc.mjs", local, port, algorithm)
    people = {u["email"]: u for u in lines("user", "list", "--data", server.data)}
    assert people["ada@example.com"]["role"] == "reader" and "eve@example.com" not in people
    assert "provider-canary-secret" not in server.log_path.read_text()
