#include "pipeline/catalogue/catalogue.h"

#include "pipeline/base/nearest.h"
#include "pipeline/catalogue/conf_layers.h"
#include "pipeline/catalogue/content_files.h"
#include "pipeline/catalogue/detection_reader.h"
#include "pipeline/catalogue/lookup_files.h"
#include "pipeline/catalogue/macro_table.h"
#include "pipeline/catalogue/saved_search.h"
#include "pipeline/catalogue/shipped.h"
#include "pipeline/catalogue/yaml_reader.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>

namespace hecate::catalogue {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDefaultCron = "0 * * * *";
constexpr std::string_view kDefaultEarliest = "-70m@m";
constexpr std::string_view kDefaultLatest = "-10m@m";

void apply(const Override& change, Detection& detection) {
  auto put = [](const auto& from, auto& to) {
    if (from) to = *from;
  };
  if (change.disabled) detection.enabled = !*change.disabled;
  put(change.cron, detection.cron);
  put(change.earliest, detection.earliest);
  put(change.latest, detection.latest);
  put(change.index, detection.index);
  put(change.emit, detection.emit);
  put(change.revise, detection.revise);
  put(change.throttle, detection.throttle);
  put(change.risk, detection.risk);
  put(change.notable, detection.notable);
  put(change.rule_title, detection.rule_title);
  put(change.rule_description, detection.rule_description);
}

// What detections have where nothing says otherwise.
void apply_base(Detection& detection) {
  detection.cron = kDefaultCron;
  detection.earliest = kDefaultEarliest;
  detection.latest = kDefaultLatest;
  detection.notable_fields = {"user", "dest"};
}

// The passes of loading: everything is read first, later things over earlier ones; then each detection gets
// its deployment and overrides; then all are compiled against one table of names.
class Loader {
 public:
  explicit Loader(const Sources& sources) : sources_(sources), catalogue_(std::make_shared<Catalogue>()) {}

  void read_macros();
  void read_lookups();
  void read_deployments();
  void read_detections();
  void read_detections(std::string_view text, const std::string& file);
  void read_saved_searches();
  void add_search(const std::string& name, const std::string& spl);
  void apply_overrides();
  void compile();
  LoadResult finish();

  [[nodiscard]] std::vector<ReadDetection>& read() { return read_; }
  [[nodiscard]] const std::vector<Refused>& refused() const { return result_.refused; }

 private:
  using DocumentReader = std::function<void(const MapReader&, const std::string& file)>;
  void read_shipped(std::string_view folder, const DocumentReader& document);
  [[nodiscard]] std::vector<std::string> folders_of(const std::string& name,
                                                    const std::vector<std::string>& given) const;
  void read_folders(const std::string& name, const std::vector<std::string>& given,
                    const DocumentReader& document);
  void read_file(const std::string& file, const DocumentReader& document);
  using StanzaReader = std::function<void(const ConfStanza&)>;
  void read_conf(const std::string& file, ConfLayers& layers, const StanzaReader& stanza);
  void read_apps(FileKind kind, ConfLayers& layers, const StanzaReader& stanza);
  bool take(const ConfStanza& stanza, const std::string& name, const StanzaReader& reader);
  void read_detection_files(const std::string& path);
  void read_text_of(std::string_view text, const std::string& file, const DocumentReader& document);
  void keep(ReadDetection&& read);
  [[nodiscard]] bool apply_saved_searches(ReadDetection& read);
  [[nodiscard]] bool put_in_settings(ReadDetection& read);
  [[nodiscard]] std::string why_off(const ReadDetection& read) const;
  void compile(ReadDetection& read, std::string off);
  void refuse(const ReadDetection& read, spl::Position place, std::string reason);

  const Sources& sources_;
  std::shared_ptr<Catalogue> catalogue_;
  LoadResult result_;
  MacroTable macros_;
  LookupFiles lookups_{read_text};
  Deployments deployments_;
  ConfLayers macros_conf_, transforms_conf_, saved_searches_;
  std::multimap<std::string, std::string> stanzas_of_;  // of savedsearches.conf, by detection
  std::vector<ReadDetection> read_;
  std::set<std::string> files_;                    // those read, so that one named twice is read once
  std::map<std::string, std::string> first_file_;  // of each detection's name
};

void Loader::refuse(const ReadDetection& read, spl::Position place, std::string reason) {
  result_.refused.push_back(
      {read.detection.name, read.detection.file, place.line, place.column, std::move(reason)});
}

void Loader::read_text_of(std::string_view text, const std::string& file, const DocumentReader& document) {
  read_documents(
      text, [&](const MapReader& yaml) { document(yaml, file); },
      [&](DocumentError error) {
        result_.refused.push_back({std::move(error.name), file, error.position.line, error.position.column,
                                   std::move(error.message)});
      });
}

void Loader::read_file(const std::string& file, const DocumentReader& document) {
  auto text = read_text(file);
  if (text)
    read_text_of(*text, file, document);
  else
    result_.refused.push_back({"", file, 1, 1, text.error().message});
}

// What a stanza says wrong goes into `refused`, under the name of its detection if it is one's.
bool Loader::take(const ConfStanza& stanza, const std::string& name, const StanzaReader& reader) {
  try {
    reader(stanza);
    return true;
  } catch (const ConfWrong& wrong) {
    result_.refused.push_back({name, wrong.file, wrong.position.line, wrong.position.column, wrong.message});
    return false;
  }
}

// Adds a layer, and reads again what it changed.
void Loader::read_conf(const std::string& file, ConfLayers& layers, const StanzaReader& stanza) {
  auto text = read_text(file);
  if (!text) {
    result_.refused.push_back({"", file, 1, 1, text.error().message});
    return;
  }
  auto wrong = [&](spl::Position place, std::string message) {
    result_.refused.push_back({"", file, place.line, place.column, std::move(message)});
  };
  for (const std::string& name : layers.add(*text, file, wrong))
    if (stanza) take(layers.merged(name), "", stanza);
}

// The files of such a name in the folders of the detections, where these are those of Splunk's apps.
// `default` comes before `local`, as in the alphabet.
void Loader::read_apps(FileKind kind, ConfLayers& layers, const StanzaReader& stanza) {
  std::set<std::string> read;
  for (const std::string& path : sources_.detections) {
    std::error_code error;
    bool app = fs::is_directory(path, error) || is_conf(path);
    if (path == kBuiltin || !app) continue;
    fs::path folder = is_conf(path) ? app_of(fs::absolute(path, error)) : fs::path(path);
    for (const std::string& file : files_of(folder, kind))
      if (read.insert(fs::weakly_canonical(file, error).string()).second) read_conf(file, layers, stanza);
  }
}

void Loader::read_shipped(std::string_view folder, const DocumentReader& document) {
  for (const ShippedFile& file : shipped_files())
    if (file.path.starts_with(folder))
      read_text_of(file.text, std::string(kBuiltin) + std::string(file.path), document);
}

// Those called `name` inside and beside the folders of the detections, then those that were `given`.
std::vector<std::string> Loader::folders_of(const std::string& name,
                                            const std::vector<std::string>& given) const {
  std::vector<std::string> folders;
  auto add = [&](const fs::path& folder) {
    std::error_code error;
    std::string path = fs::weakly_canonical(folder, error).string();
    if (fs::is_directory(folder, error) && std::find(folders.begin(), folders.end(), path) == folders.end())
      folders.push_back(path);
  };
  for (const std::string& path : sources_.detections) {
    if (path == kBuiltin) continue;
    std::error_code error;
    fs::path folder = fs::absolute(path, error).lexically_normal();
    if (!folder.has_filename()) folder = folder.parent_path();
    if (!fs::is_directory(folder, error)) folder = folder.parent_path();
    add(folder.parent_path() / name);
    add(folder / name);
  }
  // What is given as well has its place there, and is read once.
  for (const std::string& path : given) {
    std::error_code error;
    std::erase(folders, fs::weakly_canonical(path, error).string());
  }
  folders.insert(folders.end(), given.begin(), given.end());
  return folders;
}

void Loader::read_folders(const std::string& name, const std::vector<std::string>& given,
                          const DocumentReader& document) {
  for (const std::string& folder : folders_of(name, given))
    for (const std::string& file : files_of(folder, is_yaml)) read_file(file, document);
}

void Loader::read_macros() {
  auto document = [&](const MapReader& yaml, const std::string& file) { macros_.add(yaml, file); };
  auto stanza = [&](const ConfStanza& macro) { macros_.add(macro); };
  read_shipped("macros/", document);
  read_folders("macros", {}, document);
  read_apps(is_macros_conf, macros_conf_, stanza);
  for (const std::string& path : sources_.macros) {
    if (!is_conf(path))
      for (const std::string& file : files_of(path, is_yaml)) read_file(file, document);
    for (const std::string& file : files_of(path, is_macros_conf))
      if (is_conf(file)) read_conf(file, macros_conf_, stanza);
  }
}

// CSV files first, so that a definition may have the name of one.
void Loader::read_lookups() {
  auto document = [&](const MapReader& yaml, const std::string& file) { lookups_.add(yaml, file); };
  auto stanza = [&](const ConfStanza& lookup) { lookups_.add(lookup); };
  auto read = [&](const std::string& path) {
    std::error_code error;
    bool folder = fs::is_directory(path, error);
    if (folder || is_csv(path))
      for (const std::string& file : files_of(path, is_csv)) lookups_.add_csv(file);
    if (folder || !(is_csv(path) || is_conf(path)))
      for (const std::string& file : files_of(path, is_yaml)) read_file(file, document);
    for (const std::string& file : files_of(path, is_transforms_conf))
      if (is_conf(file)) read_conf(file, transforms_conf_, stanza);
  };
  std::vector<std::string> folders = folders_of("lookups", sources_.lookups);
  auto given = folders.end() - static_cast<std::ptrdiff_t>(sources_.lookups.size());
  std::for_each(folders.begin(), given, read);
  read_apps(is_transforms_conf, transforms_conf_, stanza);
  std::for_each(given, folders.end(), read);
}

void Loader::read_deployments() {
  auto document = [&](const MapReader& yaml, const std::string& /*file*/) {
    Deployment deployment = read_deployment(yaml);
    if (deployment.type.empty()) yaml.wrong("type", "is missing: a deployment says for which type it is");
    deployments_[deployment.type] = std::move(deployment);
  };
  read_shipped("deployments/", document);
  read_folders("deployments", sources_.deployments, document);
}

void Loader::keep(ReadDetection&& read) {
  auto [first, is_new] = first_file_.try_emplace(read.detection.name, read.detection.file);
  if (!is_new) {
    refuse(
        read, read.position,
        fmt::format("there is a detection of this name already, in {}; rename or remove one", first->second));
    return;
  }
  read_.push_back(std::move(read));
}

void Loader::read_detections(std::string_view text, const std::string& file) {
  read_text_of(text, file, [&](const MapReader& yaml, const std::string& /*file*/) {
    keep(read_detection(yaml, text, file));
  });
}

void Loader::read_detection_files(const std::string& path) {
  if (is_conf(path)) return;
  for (const std::string& file : files_of(path, is_detections, true)) {
    std::error_code error;
    if (!files_.insert(fs::weakly_canonical(file, error).string()).second) continue;
    auto text = read_text(file);
    if (text)
      read_detections(*text, file);
    else
      result_.refused.push_back({"", file, 1, 1, text.error().message});
  }
}

void Loader::read_detections() {
  for (const std::string& path : sources_.detections) {
    if (path != kBuiltin) {
      read_detection_files(path);
      continue;
    }
    for (const ShippedFile& file : shipped_files())
      if (file.path.find('/') == std::string_view::npos)
        read_detections(file.text, std::string(kBuiltin) + std::string(file.path));
  }
  read_saved_searches();
}

// Stanzas with a search are detections, but where there is one of the name: they change it then, as those
// without a search do.
void Loader::read_saved_searches() {
  read_apps(is_saved_searches, saved_searches_, {});
  for (const std::string& path : sources_.detections) {
    std::error_code error;
    bool named_otherwise = is_conf(path) && !is_saved_searches(path) && fs::is_regular_file(path, error);
    if (named_otherwise) read_conf(path, saved_searches_, {});
  }
  for (const std::string& name : saved_searches_.names()) {
    ConfStanza stanza = saved_searches_.merged(name);
    stanzas_of_.emplace(detection_name(name), name);
    if (first_file_.contains(detection_name(name))) continue;
    if (stanza.find("search") == nullptr) {
      result_.warnings.push_back({name, stanza.file, stanza.position.line, stanza.position.column,
                                  "has no search, and there is no detection of this name that it could "
                                  "change; it has no effect"});
      continue;
    }
    take(stanza, detection_name(name), [&](const ConfStanza& saved) { keep(read_saved_search(saved)); });
  }
}

void Loader::add_search(const std::string& name, const std::string& spl) {
  ReadDetection read;
  read.detection.name = name;
  read.detection.type = "Hunting";
  read.detection.search = spl;
  read_.push_back(std::move(read));
}

// The stanza of a detection that came from YAML may bear its name or the one that Splunk's package gives it.
bool Loader::apply_saved_searches(ReadDetection& read) {
  auto [begin, end] = stanzas_of_.equal_range(read.detection.name);
  return std::all_of(begin, end, [&](const auto& each) {
    return take(saved_searches_.merged(each.second), read.detection.name,
                [&](const ConfStanza& stanza) { apply(stanza, read); });
  });
}

// False: it is refused.
bool Loader::put_in_settings(ReadDetection& read) {
  Detection& detection = read.detection;
  apply_base(detection);
  auto deployment = deployments_.find(detection.type);
  if (deployment != deployments_.end()) apply(deployment->second, detection);
  if (read.own) apply(*read.own, detection);
  if (!apply_saved_searches(read)) return false;
  apply(sources_.defaults, detection);
  auto change = sources_.overrides.find(detection.name);
  if (change != sources_.overrides.end()) apply(change->second, detection);
  return true;
}

void Loader::apply_overrides() {
  std::erase_if(read_, [&](ReadDetection& read) { return !put_in_settings(read); });
  for (const auto& [name, change] : sources_.overrides) {
    if (first_file_.contains(name)) continue;
    std::vector<std::string_view> known;
    for (const auto& [other, file] : first_file_) known.push_back(other);
    std::string near(nearest(name, known));
    result_.refused.push_back(
        {name, "detections.overrides", 1, 1,
         "there is no detection of this name" +
             (near.empty() ? "; remove the override" : ": did you mean `" + near + "`?")});
  }
}

// Empty: it runs.
std::string Loader::why_off(const ReadDetection& read) const {
  const Detection& detection = read.detection;
  auto own = sources_.overrides.find(detection.name);
  bool turned_on = own != sources_.overrides.end() && own->second.disabled == false;
  if (detection.type == "Baseline" && !turned_on)
    return "a Baseline prepares data for other searches and finds nothing; an override `disabled: false` "
           "runs "
           "it, for the table that it writes";
  if (!read.off.empty() && !turned_on) return read.off;
  if (detection.enabled) return {};
  if (own != sources_.overrides.end() && own->second.disabled)
    return "an override in the configuration disables it";
  if (sources_.defaults.disabled) return "`detections.defaults` in the configuration disables all";
  if (detection.status == "deprecated" || detection.status == "experimental")
    return fmt::format("its status is {}; an override `disabled: false` turns it on", detection.status);
  return "its file disables it; an override `disabled: false` turns it on";
}

void Loader::compile(ReadDetection& read, std::string off) {
  Detection& detection = read.detection;
  for (Wrong& warning : read.warnings)
    result_.warnings.push_back({detection.name, detection.file, warning.position.line,
                                warning.position.column, std::move(warning.message)});
  auto schedule = schedule::Schedule::parse(detection.cron, detection.earliest, detection.latest);
  if (!schedule) return refuse(read, read.position, schedule.error().message);
  auto plan = spl::compile(detection.search, macros_.lookup(), catalogue_->names, lookups_.source());
  if (!plan) {
    spl::Position place = plan.error().position;
    if (read.search_places) place = read.search_places->in_file(place);
    return refuse(read, place, plan.error().message);
  }
  if (detection.emit == Emit::first_match && !(*plan)->can_emit_first_match()) {
    auto own = sources_.overrides.find(detection.name);
    if (own != sources_.overrides.end() && own->second.emit)
      return refuse(read, read.position,
                    "`emit: first_match` is not possible: the end of this search needs the whole window; use "
                    "`emit: schedule`");
    detection.emit = Emit::schedule;  // the default for all is meant where it is possible
  }
  catalogue_->detections.push_back(
      {std::move(detection), std::move(*schedule), std::move(*plan), std::move(off)});
  if (sources_.keep_places && read.search_places)
    catalogue_->detections.back().places =
        std::make_shared<const ScalarPlaces>(std::move(*read.search_places));
}

void Loader::compile() {
  for (ReadDetection& read : read_) {
    const Detection& detection = read.detection;
    std::string off = why_off(read);
    if (off.empty() || (sources_.include_disabled && detection.type != "Baseline")) {
      compile(read, std::move(off));
      continue;
    }
    catalogue_->disabled.push_back(detection.name);
    result_.ignored.push_back(
        {detection.name, detection.file, detection.line, detection.column, std::move(off)});
  }
  std::sort(
      catalogue_->detections.begin(), catalogue_->detections.end(),
      [](const LoadedDetection& a, const LoadedDetection& b) { return a.detection.name < b.detection.name; });
  std::sort(catalogue_->disabled.begin(), catalogue_->disabled.end());
  auto rules = fields::FieldRules::compile(fields::FieldRules::builtin(), catalogue_->names);
  if (rules)
    catalogue_->rules = std::move(*rules);
  else
    result_.refused.push_back({"", "sysmon.yaml", 1, 1, rules.error().message});
}

LoadResult Loader::finish() {
  catalogue_->local_tables = lookups_.local_tables();
  result_.catalogue = std::move(catalogue_);
  return std::move(result_);
}

}  // namespace

LoadResult load(const Sources& sources) {
  Loader loader(sources);
  loader.read_macros();
  loader.read_lookups();
  loader.read_deployments();
  loader.read_detections();
  loader.apply_overrides();
  loader.compile();
  return loader.finish();
}

LoadResult load_search(const std::string& name, const std::string& spl, const Sources& macros) {
  Sources only_macros;
  only_macros.detections = macros.detections;  // for the folders beside them
  only_macros.macros = macros.macros;
  only_macros.lookups = macros.lookups;
  Loader loader(only_macros);
  loader.read_macros();
  loader.read_lookups();
  loader.add_search(name, spl);
  loader.apply_overrides();
  loader.compile();
  return loader.finish();
}

Result<std::vector<Detection>> parse_detections(const std::string& yaml, const std::string& file) {
  Sources none;
  Loader loader(none);
  loader.read_deployments();
  loader.read_detections(yaml, file);
  loader.apply_overrides();
  if (!loader.refused().empty()) {
    const Refused& first = loader.refused().front();
    return fail(fmt::format("{}:{}:{}: {}", first.file, first.line, first.column, first.reason));
  }
  std::vector<Detection> detections;
  for (ReadDetection& read : loader.read()) detections.push_back(std::move(read.detection));
  return detections;
}

}  // namespace hecate::catalogue
