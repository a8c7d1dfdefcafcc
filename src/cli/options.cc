#include <charconv>
#include <cmath>
#include <deque>
#include <variant>

#include "base/check.h"
#include "cli/command.h"

namespace cli {
namespace {

struct IntegerOption {
  int64_t value, min, max;
};
struct RealOption {
  double value, min, max;
};

struct Option {
  std::string name;
  std::variant<std::string, IntegerOption, RealOption, bool, std::vector<std::string>> value;
  bool given = false;
};

struct Positional {
  std::string name;
  bool required;
  std::string value;
};

// True when all of `text` is one number.
template <class Number>
bool read_number(std::string_view text, Number* out) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, *out);
  return error == std::errc() && stop == end && !text.empty();
}

std::string number_text(double value) {
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  return error == std::errc() ? std::string(text, end) : "?";
}

}  // namespace

struct Options::State {
  std::string command;
  std::deque<Option> options;  // a deque, so that the references handed out stay good
  std::deque<Positional> positionals;
  std::vector<std::string> rest;
  bool has_rest = false;

  template <class T>
  Option& add(std::string_view name, T value) {
    CHECK(name.starts_with("--"));
    CHECK(find(name) == nullptr);
    return options.emplace_back(Option{std::string(name), std::move(value)});
  }
  Option* find(std::string_view name) {
    for (Option& option : options) {
      if (option.name == name) return &option;
    }
    return nullptr;
  }
  std::unexpected<base::Error> refuse(std::string message) const {
    return base::fail(base::Code::InvalidArgument,
                      std::move(message) + "; see `charter help " + command + "`");
  }
  base::Status assign(Option& option, const std::string& text);
  base::Status take(Option& option, std::string_view argument,
                    std::span<const std::string>* arguments);
  base::Status take_positional(const std::string& argument, size_t* count);
};

base::Status Options::State::assign(Option& option, const std::string& text) {
  if (auto* list = std::get_if<std::vector<std::string>>(&option.value)) {
    list->push_back(text);
    return {};
  }
  if (option.given) return refuse(option.name + " is given twice");
  if (auto* integer = std::get_if<IntegerOption>(&option.value)) {
    int64_t value = 0;
    if (!read_number(text, &value))
      return refuse(option.name + " needs a whole number, not \"" + text + "\"");
    if (value < integer->min || value > integer->max) {
      return refuse(option.name + " must be from " + std::to_string(integer->min) + " to " +
                    std::to_string(integer->max) + ", not " + text);
    }
    integer->value = value;
  } else if (auto* real = std::get_if<RealOption>(&option.value)) {
    double value = 0;
    if (!read_number(text, &value) || !std::isfinite(value)) {
      return refuse(option.name + " needs a number, not \"" + text + "\"");
    }
    if (value < real->min || value > real->max) {
      return refuse(option.name + " must be from " + number_text(real->min) + " to " +
                    number_text(real->max) + ", not " + text);
    }
    real->value = value;
  } else {
    option.value = text;
  }
  return {};
}

// Reads `argument`, which is "--name" or "--name=value"; the value may be the next argument.
base::Status Options::State::take(Option& option, std::string_view argument,
                                  std::span<const std::string>* arguments) {
  const size_t equals = argument.find('=');
  if (auto* flag = std::get_if<bool>(&option.value)) {
    if (equals != std::string_view::npos) return refuse(option.name + " takes no value");
    *flag = true;
  } else if (equals != std::string_view::npos) {
    TRY_VOID(assign(option, std::string(argument.substr(equals + 1))));
  } else {
    if (arguments->empty() || arguments->front().starts_with("--"))
      return refuse(option.name + " needs a value");
    TRY_VOID(assign(option, arguments->front()));
    *arguments = arguments->subspan(1);
  }
  option.given = true;
  return {};
}

base::Status Options::State::take_positional(const std::string& argument, size_t* count) {
  if (*count < positionals.size()) {
    positionals[*count].value = argument;
  } else if (has_rest) {
    rest.push_back(argument);
  } else {
    return refuse("\"" + argument + "\" is one argument too many");
  }
  ++*count;
  return {};
}

Options::Options(std::string_view command) : state_(new State{std::string(command), {}, {}, {}}) {
  flag("--json");
}
Options::~Options() { delete state_; }

std::string& Options::text(std::string_view name, std::string default_value) {
  return std::get<std::string>(state_->add(name, std::move(default_value)).value);
}

int64_t& Options::integer(std::string_view name, int64_t default_value, int64_t min, int64_t max) {
  CHECK(min <= max);
  return std::get<IntegerOption>(state_->add(name, IntegerOption{default_value, min, max}).value)
      .value;
}

double& Options::real(std::string_view name, double default_value, double min, double max) {
  CHECK(min <= max);
  return std::get<RealOption>(state_->add(name, RealOption{default_value, min, max}).value).value;
}

bool& Options::flag(std::string_view name) {
  return std::get<bool>(state_->add(name, false).value);
}

std::vector<std::string>& Options::list(std::string_view name) {
  return std::get<std::vector<std::string>>(state_->add(name, std::vector<std::string>()).value);
}

std::string& Options::positional(std::string_view name) {
  CHECK(state_->positionals.empty() || state_->positionals.back().required);
  return state_->positionals.emplace_back(Positional{std::string(name), true, {}}).value;
}

std::string& Options::optional_positional(std::string_view name) {
  return state_->positionals.emplace_back(Positional{std::string(name), false, {}}).value;
}

std::vector<std::string>& Options::rest(std::string_view) {
  state_->has_rest = true;
  return state_->rest;
}

base::Status Options::parse(std::span<const std::string> arguments) {
  size_t positional_count = 0;
  bool only_positionals = false;
  while (!arguments.empty()) {
    const std::string& argument = arguments.front();
    arguments = arguments.subspan(1);
    if (only_positionals || !argument.starts_with("-") || argument == "-") {
      TRY_VOID(state_->take_positional(argument, &positional_count));
    } else if (argument == "--") {
      only_positionals = true;
    } else {
      Option* option = state_->find(argument.substr(0, argument.find('=')));
      if (option == nullptr)
        return state_->refuse("there is no option " + argument.substr(0, argument.find('=')));
      TRY_VOID(state_->take(*option, argument, &arguments));
    }
  }
  if (positional_count < state_->positionals.size() &&
      state_->positionals[positional_count].required) {
    return state_->refuse(state_->positionals[positional_count].name + " is missing");
  }
  return {};
}

bool Options::given(std::string_view name) const {
  const Option* option = state_->find(name);
  return option != nullptr && option->given;
}

bool Options::json() const { return std::get<bool>(state_->find("--json")->value); }

}  // namespace cli
