// The page's files, embedded in the program by cmake/embed.cmake.
#pragma once

#include <span>
#include <string_view>

namespace api {

struct Asset {
  std::string_view path;  // "/assets/app-1a2b3c.js"
  std::string_view etag;  // quoted
  std::string_view bytes;
  std::string_view gzip;  // empty: not smaller
};

std::span<const Asset> assets();
const Asset* find_asset(std::string_view path);  // null when there is none
std::string_view content_type(std::string_view path);

}  // namespace api
