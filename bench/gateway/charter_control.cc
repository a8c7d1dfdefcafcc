#include "bench/gateway/charter_control.h"

#include "files/files.h"
#include "net/raw_client.h"

namespace bench {

CharterControl::CharterControl(const std::string& data)
    : socket_(files::join(data, "control.sock")) {}

std::optional<json::Value> CharterControl::ask(const std::string& method, const std::string& path,
                                               const json::Value& body,
                                               std::string* why_not) const {
  const std::string text = body.is_null() ? "" : json::dump(body);
  net::RawClient client(socket_);
  client.send(method + " /v1/organization/" + path +
              " HTTP/1.1\r\nHost: charter\r\nContent-Type: application/json\r\nContent-Length: " +
              std::to_string(text.size()) + "\r\n\r\n" + text);
  const std::string answer = client.read_response();
  const size_t head = answer.find("\r\n\r\n");
  const auto value = json::parse(head == std::string::npos ? "" : answer.substr(head + 4));
  if (answer.starts_with("HTTP/1.1 200") && value) return *value;
  *why_not = method + " " + path + ": " + answer.substr(0, 300);
  return std::nullopt;
}

std::optional<json::Value> CharterControl::first_id(const std::string& path,
                                                    std::string* why_not) const {
  const auto list = ask("GET", path, nullptr, why_not);
  if (!list || !(*list)["data"].is_array() || (*list)["data"].as_array().empty())
    return std::nullopt;
  return (*list)["data"].as_array()[0]["id"];
}

}  // namespace bench
