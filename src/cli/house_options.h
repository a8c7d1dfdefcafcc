// What the commands of a house have in common: where its data folder is.
#pragma once

#include <string>

#include "json/json.h"

namespace cli {

// --data as given; else $CHARTER_DATA, else $XDG_DATA_HOME/charter, else ~/.local/share/charter.
std::string data_folder(const std::string& given);

void print_json(const json::Value& value);  // one line on standard output

}  // namespace cli
