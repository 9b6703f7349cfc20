// Commands that Splunk documents and that are refused, with the reasons.
#include "pipeline/spl/command.h"

#include <algorithm>
#include <array>

namespace hecate::spl {
namespace {

constexpr std::string_view kIndexes = "asks a Splunk server about itself";
constexpr std::string_view kOutputs = "findings leave by the outputs of the configuration, not by the search";
constexpr std::string_view kModels = "needs a model that Splunk's machine learning toolkit has stored";
constexpr std::string_view kLearning = "looks for patterns by a method that Splunk does not publish";
constexpr std::string_view kShown = "only changes how Splunk's pages show results";
constexpr std::string_view kMaps = "needs Splunk's maps of places";
constexpr std::string_view kSummary = "writes summaries for Splunk's own reports";
constexpr std::string_view kMetrics = "reads or writes metric indexes, which events never are";
constexpr std::string_view kExtract = "the fields of events are taken out as they arrive; use rex or spath";

constexpr auto kReasons = std::to_array<UnsupportedCommand>({
    {"abstract", kShown},
    {"analyzefields", kLearning},
    {"anomalies", kLearning},
    {"anomalousvalue", kLearning},
    {"anomalydetection", kLearning},
    {"apply", kModels},
    {"arules", kLearning},
    {"associate", kLearning},
    {"audit", kIndexes},
    {"bucketdir", kShown},
    {"cluster", kLearning},
    {"cofilter", kLearning},
    {"collect", kOutputs},
    {"concurrency", "counts overlapping durations; use transaction, or streamstats"},
    {"contingency", "use chart count over a by b"},
    {"correlate", kLearning},
    {"ctable", "use chart count over a by b"},
    {"datamodelsimple", kIndexes},
    {"dbinspect", kIndexes},
    {"dbxquery", "asks a database; give its rows as a lookup"},
    {"delete", "events are not stored here"},
    {"diff", "use streamstats or delta"},
    {"dump", kOutputs},
    {"entropy", "needs an app that is installed in Splunk"},
    {"erex", "learns an expression from examples; use rex with the expression"},
    {"eventcount", kIndexes},
    {"extract", kExtract},
    {"fieldsummary", "use stats count(*) dc(*) values(*)"},
    {"findtypes", kLearning},
    {"fit", kModels},
    {"folderize", kShown},
    {"foreach", "repeats a part of a search for each field; write eval for each of them"},
    {"fromjson", "use spath"},
    {"gauge", kShown},
    {"gentimes", "makes times without events; use makeresults"},
    {"geom", kMaps},
    {"geomfilter", kMaps},
    {"geostats", kMaps},
    {"highlight", kShown},
    {"history", kIndexes},
    {"iconify", kShown},
    {"inputcsv", "reads a file of the search head; use inputlookup"},
    {"inputintelligence",
     "reads a collection of Enterprise Security; give it as a lookup and use inputlookup"},
    {"iplocation",
     "needs a database of places, which hecate does not ship; use a lookup of networks with "
     "match_type CIDR"},
    {"kmeans", kLearning},
    {"kv", kExtract},
    {"kvform", kExtract},
    {"loadjob", "reads the results of a search that Splunk has stored"},
    {"localize", "use bin _time and stats"},
    {"localop", "there is one place that searches run at"},
    {"makecontinuous", "use timechart, which has rows for all steps"},
    {"map", "runs a search for each row"},
    {"mcatalog", kMetrics},
    {"mcollect", kMetrics},
    {"metadata", kIndexes},
    {"metasearch", kIndexes},
    {"meventcollect", kMetrics},
    {"mpreview", kMetrics},
    {"msearch", kMetrics},
    {"mstats", kMetrics},
    {"multikv", kExtract},
    {"nokv", kExtract},
    {"outlier", kLearning},
    {"outputcsv", kOutputs},
    {"outputtext", kShown},
    {"overlap", kSummary},
    {"pivot", "use tstats … from datamodel="},
    {"predict", kLearning},
    {"redistribute", "there is one place that searches run at"},
    {"relevancy", kLearning},
    {"require", "fails a search that has no rows: there is nobody to be told"},
    {"rest", kIndexes},
    {"run", "runs a script of the search head"},
    {"savedsearch", "runs another search; write it where its name stands, or make it a macro"},
    {"script", "runs a script of the search head"},
    {"scrub", "hides values by dictionaries of Splunk; use rex mode=sed"},
    {"searchtxn", "use transaction"},
    {"selfjoin", "use stats values(*) as * by the field"},
    {"sendalert", kOutputs},
    {"sendemail", kOutputs},
    {"set", "needs several searches over the same window"},
    {"setfields", "use eval"},
    {"sichart", kSummary},
    {"sirare", kSummary},
    {"sistats", kSummary},
    {"sitimechart", kSummary},
    {"sitop", kSummary},
    {"snowincident", kOutputs},
    {"tags", "tags decide here which data model an event belongs to; use tstats … from datamodel="},
    {"tojson", "use eval with json_object()"},
    {"trendline", "use streamstats window=N avg()"},
    {"tscollect", kSummary},
    {"typeahead", kIndexes},
    {"typelearner", kLearning},
    {"typer", "event types are not kept; search for what they stand for"},
    {"walklex", kIndexes},
    {"x11", kLearning},
    {"xmlkv", kExtract},
    {"xmlunescape", "use eval with replace()"},
    {"xpath", kExtract},
    {"xsideselect", kShown},
});

}  // namespace

std::span<const UnsupportedCommand> unsupported_commands() {
  return kReasons;
}

std::string_view why_unsupported(std::string_view name) {
  auto found = std::ranges::find(kReasons, name, &UnsupportedCommand::name);
  return found == kReasons.end() ? std::string_view() : found->reason;
}

}  // namespace hecate::spl
