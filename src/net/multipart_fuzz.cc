// Forms from arbitrary bytes: no crash, every part lies within the body, and a form that is read is
// read the same way after it is written again.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/utf8.h"
#include "net/multipart.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  // The first line is the Content-Type.
  const size_t line = std::min(bytes.find('\n'), bytes.size());
  const std::string_view body = bytes.substr(std::min(line + 1, bytes.size()));
  const auto parts = net::parse_multipart(bytes.substr(0, line), body);
  if (!parts) {
    CHECK(!parts.error().message.empty());
    return 0;
  }
  std::string again;
  for (const net::FormPart& part : *parts) {
    CHECK(!part.name.empty() && base::is_utf8(part.name));
    CHECK(part.body.empty() || (part.body.data() >= body.data() &&
                                part.body.data() + part.body.size() <= body.data() + body.size()));
    const std::string framed = "\r\n" + std::string(part.body);
    if (framed.find("\r\n--other") != std::string::npos) return 0;
    std::string name;
    for (const char c : part.name) (name += c == '"' || c == '\\' ? "\\" : "") += c;
    again += "--other\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n";
    again.append(part.body).append("\r\n");
  }
  net::FormLimits limits;
  limits.field_bytes_max = SIZE_MAX;
  limits.part_head_bytes_max = 1u << 20;
  const auto second =
      net::parse_multipart("multipart/form-data; boundary=other", again + "--other--", limits);
  if (parts->empty()) return 0;
  CHECK(second && second->size() == parts->size());
  for (size_t i = 0; i < parts->size(); ++i)
    CHECK((*parts)[i].name == (*second)[i].name && (*parts)[i].body == (*second)[i].body);
  return 0;
}
