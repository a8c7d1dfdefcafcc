// charter doctor: looks at a data folder and says what is wrong, and what to do.
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cstdio>

#include "base/time.h"
#include "cli/house_options.h"
#include "cli/operate.h"
#include "db/database.h"
#include "files/files.h"
#include "gateway/loader.h"
#include "journal/charter_house.h"
#include "journal/ledger.h"
#include "net/http_server.h"
#include "server/backup.h"
#include "server/config.h"

namespace cli {
namespace {

using base::Code;

constexpr uint64_t kFreeBytesMin = uint64_t{1} << 30;

struct Finding {
  std::string check;
  std::string error;  // empty: good
  std::string note;
};
using Findings = std::vector<Finding>;

void add(Findings* findings, std::string check, const base::Status& status, std::string note = "") {
  findings->push_back({std::move(check), status ? "" : status.error().text(), std::move(note)});
}

base::Status check_mode(const std::string& path, unsigned wanted) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0)
    return base::fail(Code::NotFound, "it is missing; restore it", path);
  if ((info.st_mode & 077) == 0) return {};
  char mode[8];
  std::snprintf(mode, sizeof mode, "%o", wanted);
  return base::fail(Code::PermissionDenied,
                    "others on this machine may read it; run chmod " + std::string(mode), path);
}

base::Status check_disk(const std::string& folder) {
  struct statvfs info{};
  if (statvfs(folder.c_str(), &info) != 0)
    return base::fail(Code::Io, "the file system does not answer", folder);
  const uint64_t free = uint64_t{info.f_bavail} * info.f_frsize;
  if (free >= kFreeBytesMin) return {};
  return base::fail(Code::Unavailable,
                    "less than 1 GiB is free (" + std::to_string(free >> 20) +
                        " MiB); the ledger stops taking requests when the disk is full",
                    folder);
}

base::Status check_database(const std::string& path) {
  TRY(db::Database database, db::Database::open_readonly(path));
  return database.check_integrity();
}

void check_databases(const std::string& folder, Findings* findings) {
  const auto names = files::list_files(folder);
  if (!names) return;
  for (const std::string& name : *names)
    if (name.ends_with(".db"))
      add(findings, name + ": integrity", check_database(files::join(folder, name)));
}

// The ledger's digests, all of them; a running server keeps the file to itself.
void check_ledger(const std::string& folder, Findings* findings) {
  const auto report = journal::rebuild_ledger(files::join(folder, "ledger.db"), false);
  if (!report && report.error().reason == "DATABASE_LOCKED")
    return add(findings, "ledger: digests", {}, "not read: a server has the ledger open");
  if (!report) return add(findings, "ledger: digests", std::unexpected(report.error()));
  base::Status same;
  if (!report->differences.empty())
    same = base::fail(Code::Corrupt, "its index differs from its transfers; run charter rebuild",
                      report->differences.front());
  add(findings, "ledger: digests", same, std::to_string(report->transfers) + " transfers");
}

void check_house(const std::string& folder, Findings* findings) {
  const auto house = journal::House::open_to_read(folder);
  if (!house) return add(findings, "charter and log", std::unexpected(house.error()));
  add(findings, "charter and log", house->log().verify_files(),
      std::to_string(house->log().size()) + " entries");
  const std::string models = files::join(folder, "models");
  const auto names = files::list_directories(models);
  if (!names) return;
  for (const std::string& name : *names) {
    const auto verified =
        gateway::verify_model(files::join(models, name), *house, base::system_now());
    add(findings, "model " + name + ": release",
        verified ? base::Status() : std::unexpected(verified.error()));
  }
}

// Whether `charter serve` could listen where its configuration says.
void check_port(const std::string& folder, Findings* findings) {
  const auto config = server::load_config("", server::process_environment(), {{"--data", folder}});
  if (!config) return add(findings, "configuration", std::unexpected(config.error()));
  const auto address = server::parse_address(config->listen);
  if (!address) return add(findings, "configuration", std::unexpected(address.error()));
  net::ServerOptions options;
  options.host = address->host, options.port = address->port;
  const auto listening = net::HttpServer::listen(options);
  add(findings, "port " + config->listen,
      listening ? base::Status() : std::unexpected(listening.error()), "free");
}

void check_server(const std::string& folder, Findings* findings) {
  const auto control = open_control(folder);
  if (!control) return add(findings, "control socket", std::unexpected(control.error()));
  if (!(*control)->server_runs()) {
    add(findings, "server", {}, "not running; the folder opens");
    return check_port(folder, findings);
  }
  const auto ready = (*control)->get("/readyz");
  add(findings, "server", ready ? base::Status() : std::unexpected(ready.error()), "running");
  const auto upstreams = (*control)->list("/v1/organization/upstreams");
  if (!upstreams) return;
  for (const json::Value& upstream : *upstreams) {
    const auto answer = (*control)->post(
        "/v1/organization/upstreams/" + escaped(shown(upstream["id"])) + "/test", json::Object{});
    base::Status good;
    if (!answer)
      good = std::unexpected(answer.error());
    else if ((*answer)["ok"] != json::Value(true))
      good = base::fail(Code::Unavailable, shown((*answer)["error"]), shown(upstream["base_url"]));
    add(findings, "upstream " + shown(upstream["name"]), good);
  }
}

base::Status run_doctor(std::span<const std::string> arguments) {
  Options options("doctor");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  const std::string folder = data_folder(data);
  if (!files::is_directory(folder))
    return base::fail(Code::NotFound, "there is no such data folder", folder, "NO_DATA_FOLDER");
  Findings findings;
  add(&findings, "folder: permissions", check_mode(folder, 0700));
  add(&findings, "secrets.key: permissions",
      check_mode(files::join(folder, std::string(server::kSecretsFile)), 0600));
  add(&findings, "disk: free space", check_disk(folder));
  check_databases(folder, &findings);
  check_ledger(folder, &findings);
  check_house(folder, &findings);
  check_server(folder, &findings);
  int64_t bad = 0;
  for (const Finding& finding : findings) {
    bad += finding.error.empty() ? 0 : 1;
    if (options.json()) {
      print_json(json::Object{{"check", finding.check},
                              {"ok", finding.error.empty()},
                              {"error", finding.error},
                              {"note", finding.note}});
    } else {
      const std::string& more = finding.error.empty() ? finding.note : finding.error;
      std::printf("%-4s %s%s%s\n", finding.error.empty() ? "ok" : "BAD", finding.check.c_str(),
                  more.empty() ? "" : ": ", more.c_str());
    }
  }
  if (bad == 0) return {};
  return base::fail(
      Code::FailedPrecondition,
      std::to_string(bad) + " of " + std::to_string(findings.size()) + " checks failed");
}

}  // namespace

extern const Command kDoctorCommand;
const Command kDoctorCommand = {
    "doctor", "looks at a data folder and says what is wrong",
    "usage: charter doctor [--data DIR] [--json]\n\n"
    "Checks permissions, free space, every database, every digest of the ledger (when no server "
    "has it open), the log, the\n"
    "release of every model byte by byte, the server or, where none runs, the port that it would "
    "listen at, and whether\n"
    "its providers answer. Each failure says what to do.\n\n"
    "exit codes: 0 all good; 69 something is not\n",
    run_doctor};

}  // namespace cli
