// Errors as values. A function that can fail for a reason outside the program returns Result<T>;
// the error carries a code (what kind), a reason (a stable name that programs match on), a sentence
// (what happened and what to do), the thing it is about, and the error that caused it.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace base {

// Kinds of failure. api/errors.cc alone maps them to HTTP, cli/exit.cc alone to sysexits.
enum class Code : unsigned char {
  InvalidArgument,     // the caller's value is wrong
  Malformed,           // bytes do not parse
  NotFound,            // the thing named is not there
  AlreadyExists,       // an id is taken, with other content
  Unauthenticated,     // no identity, or a wrong one
  PermissionDenied,    // identity known, right missing
  FailedPrecondition,  // the state forbids it: not released, not eligible, recused, ...
  TooLarge,            // over a stated limit: context, body, file
  RateLimited,         // come back later
  QuotaExceeded,       // the purse is empty
  Unavailable,         // overloaded, draining, disk full, port in use
  Cancelled,           // the caller went away, or asked to stop
  Corrupt,             // stored bytes fail their digest or signature
  Io,                  // the operating system refused
  Unimplemented,       // known, and not offered
  Internal,            // our fault
};

std::string_view code_name(Code code);  // "invalid_argument", ...

struct Error {
  Code code = Code::Internal;
  std::string message;  // a sentence for a person
  std::string reason =
      {};  // a stable name: "THRESHOLD_UNMET", "context_length_exceeded"; may be empty
  std::string where = {};  // the file, parameter or id it is about; may be empty
  std::shared_ptr<const Error> cause = {};

  // "message (where): cause", on one line.
  std::string text() const;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

// return fail(Code::NotFound, "no such file; check the path", "model.gguf");
inline std::unexpected<Error> fail(Code code, std::string message, std::string where = {},
                                   std::string reason = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(reason), std::move(where), {}});
}

// The same failure seen one floor up: its own sentence in front, the code and reason kept.
std::unexpected<Error> wrap(Error cause, std::string message, std::string where = {});

}  // namespace base

#define BASE_CONCAT_INNER(a, b) a##b
#define BASE_CONCAT(a, b) BASE_CONCAT_INNER(a, b)

// TRY(auto file, open(path)); takes the value, or returns the error. TRY_VOID(status()); likewise
// without a value.
#define TRY(declaration, expression) \
  TRY_IMPL(BASE_CONCAT(try_result_, __COUNTER__), declaration, expression)
#define TRY_IMPL(temporary, declaration, expression)                    \
  auto temporary = (expression);                                        \
  if (!temporary) return std::unexpected(std::move(temporary).error()); \
  declaration = *std::move(temporary)
#define TRY_VOID(expression)                                 \
  do {                                                       \
    if (auto try_status = (expression); !try_status)         \
      return std::unexpected(std::move(try_status).error()); \
  } while (false)
