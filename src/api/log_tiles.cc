// The public log under /log/ (C2SP tlog-tiles): the checkpoint and the tiles as they stand in the
// data folder, for whoever checks that nothing was taken back. No key is asked for.
#include "api/routes.h"
#include "files/files.h"
#include "govern/tiles.h"

namespace api {
namespace {

constexpr uint64_t kHashBytes = 32;
constexpr uint64_t kFileBytesMax = 32u << 20;

void get_checkpoint(const Call& call) {
  auto note = files::read_file(files::join(call.app->options.log_directory, "checkpoint"), 1 << 20);
  if (!note) return call.fail(note.error());
  call.respond({200,
                {{"content-type", "text/plain; charset=utf-8"}, {"cache-control", "no-cache"}},
                *std::move(note)});
}

// A tile never changes under its name: a partial one has its width in it.
void get_tile(const Call& call) {
  const auto path = govern::parse_tile_path("tile/" + call.parameters.at(0));
  if (!path) return call.fail(path.error());
  const std::string file =
      files::join(call.app->options.log_directory, govern::format_tile_path(*path));
  if (!files::exists(file))
    return call.fail({base::Code::NotFound, "the log has no such tile", {}, {}, {}});
  auto bytes = files::read_file(file, kFileBytesMax);
  if (!bytes) return call.fail(bytes.error());
  // A crash can leave one cut short until the log is opened again to write.
  const bool whole = path->is_entries ? govern::parse_bundle(*bytes, path->width).has_value()
                                      : bytes->size() == path->width * kHashBytes;
  if (!whole)
    return call.fail(
        {base::Code::Unavailable, "the tile is being written again; try later", {}, {}, {}});
  call.respond({200,
                {{"content-type", "application/octet-stream"},
                 {"cache-control", "public, max-age=31536000, immutable"}},
                *std::move(bytes)});
}

constexpr Route kRoutes[] = {
    {.method = "GET",
     .pattern = "/log/checkpoint",
     .auth = Auth::None,
     .blocks = true,
     .handle = get_checkpoint,
     .summary = "the signed size and root of the log of decisions"},
    {.method = "GET",
     .pattern = "/log/tile/{path*}",
     .auth = Auth::None,
     .blocks = true,
     .handle = get_tile,
     .summary = "hashes and entries of the log, as static tiles"},
};

}  // namespace

std::span<const Route> log_routes() { return kRoutes; }

}  // namespace api
