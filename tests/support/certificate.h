#pragma once

#include <string>

namespace hecate::testing {

// Makes a key and a certificate signed by itself, good for a day and for `names`, as PEM files.
void make_certificate(const std::string& certificate_file, const std::string& key_file,
                      const std::string& names = "IP:127.0.0.1,DNS:localhost");

}  // namespace hecate::testing
