#pragma once

#include <string>

namespace hecate::testing {

// Makes a key and a certificate signed by itself, good for 127.0.0.1 and localhost for a day, as PEM files.
void make_certificate(const std::string& certificate_file, const std::string& key_file);

}  // namespace hecate::testing
