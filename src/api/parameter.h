// Readers of one request parameter each, with the errors that OpenAI gives for it. Null counts as
// absent.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/json.h"

namespace api {

// Null when the member is absent or null.
const json::Value* find_parameter(const json::Value& object, std::string_view name);

// Whether the number lies between the bounds; `integer` only says how the error names it.
base::Status check_range(const json::Value& value, bool integer, double min, double max,
                         std::string_view path);

// `path` is how errors name it: "temperature", "messages[0].role".
base::Result<std::optional<double>> read_decimal(const json::Value& object, std::string_view name,
                                                 double min, double max);
base::Result<std::optional<int64_t>> read_integer(const json::Value& object, std::string_view name,
                                                  int64_t min, int64_t max);
base::Result<std::optional<bool>> read_boolean(const json::Value& object, std::string_view name);

std::unexpected<base::Error> wrong_type(std::string_view path, std::string_view expected,
                                        const json::Value& got);
std::unexpected<base::Error> missing(std::string_view path);
std::unexpected<base::Error> unsupported(std::string_view path, std::string_view why);

}  // namespace api
