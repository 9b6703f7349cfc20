#!/bin/bash
# The receivers that bench/run.sh compares, all with the rule of the shipped detection. For each a start_X that sets pid
# and port, and an evaluated_X and a matches_X: how many events it has taken in and found so far.

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# wait_for COMMAND…: until it succeeds, for as long as the receiver lives and at most 30 s.
wait_for() {
  for _ in $(seq 300); do
    "$@" && return
    kill -0 "$pid" 2> /dev/null || break
    sleep 0.1
  done
  echo "the receiver does not start: $(cat "$work/log")" >&2
  exit 1
}
listens() { (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; }

# start_hecate hec|tcp|udp
start_hecate() {
  rm -rf "$work/state"
  cat > "$work/hecate.yaml" <<YAML
inputs:
  hec: {listen: "127.0.0.1:0", tokens: [{name: bench, token: $token}]}
  syslog:
    - {name: tcp, protocol: tcp, listen: "127.0.0.1:0"}
    - {name: udp, protocol: udp, listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
ingest: {workers: $workers}
# However old the corpus is, its matches are on time.
detections: {overrides: {Windows MsMpEng Writing to System32: {earliest: -6000d@d}}}
state: {path: $work/state}
YAML
  serve
  port=$hec
  [ "$1" = hec ] || port=$(sed -n "s/.*$1: $1 on port \([0-9]*\).*/\1/p" "$work/log")
}
evaluated_hecate() { metric hecate_events_evaluated_total; }
matches_hecate() { metric hecate_matches_total; }
dropped_hecate() { metric hecate_syslog_dropped_total; }

# start_sink http|raw: takes bytes and throws them away; counts nothing.
start_sink() {
  port=$(free_port)
  taskset -c 0 "$work/sink" "$1" "$port" > "$work/log" 2>&1 &
  pid=$!
  wait_for listens
}

# start_rsyslog parsed|substring: each message parsed as JSON, or only those that hold the program's name.
start_rsyslog() {
  local first="if 1 then"
  [ "$1" = parsed ] || first="if re_match_i(\$msg, 'MsMpEng\\\\.exe') then"
  rm -f "$work/found" "$work/port" "$work/counts"
  cat > "$work/rsyslog.conf" <<CONF
global(workDirectory="$work" maxMessageSize="64k")
module(load="imtcp") module(load="mmjsonparse")
module(load="impstats" interval="1" format="json" log.syslog="off" log.file="$work/counts")
main_queue(queue.type="Direct") # the fastest of its queues where there is one core
ruleset(name="bench") {
  $first {
    action(type="mmjsonparse" cookie="")
    if (\$!EventID == 11 or \$!EventID == 15) and re_match_i(\$!Image, '\\\\\\\\MsMpEng\\\\.exe\$')
      and re_match_i(\$!TargetFilename, ':\\\\\\\\Windows\\\\\\\\System32\\\\\\\\') then {
      action(type="omfile" file="$work/found")
    }
  }
}
input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName="$work/port" ruleset="bench")
CONF
  taskset -c 0 /usr/sbin/rsyslogd -n -f "$work/rsyslog.conf" -i NONE > "$work/log" 2>&1 &
  pid=$!
  wait_for test -s "$work/port"
  port=$(cat "$work/port")
  wait_for listens
}
# As of the last full second.
evaluated_rsyslog() { sed -n 's/.*"imtcp.*"submitted": \([0-9]*\).*/\1/p' "$work/counts" 2> /dev/null | tail -1 | grep . || echo 0; }
matches_rsyslog() { [ -f "$work/found" ] && wc -l < "$work/found" || echo 0; }

# Its package cannot be installed beside rsyslog's, so it may be unpacked.
syslog_ng_root=$root/build/syslog-ng
[ -d "$syslog_ng_root/usr" ] || syslog_ng_root=
syslog_ng=$syslog_ng_root/usr/sbin/syslog-ng
# start_syslog_ng parsed|substring
start_syslog_ng() {
  local modules=$(dirname "$(find "$syslog_ng_root/usr/lib/syslog-ng" -name libjson-plugin.so | head -1)")
  port=$(free_port)
  local first=
  [ "$1" = parsed ] || first='filter { match("msmpeng.exe" value("MESSAGE") type(string) flags(substring ignore-case)) };'
  rm -f "$work/found" "$work/persist"
  cat > "$work/syslog-ng.conf" <<CONF
@version: 3.38
options { stats-level(1); log-msg-size(262144); threaded(yes); keep-hostname(yes); use-dns(no); };
log {
  source { syslog(ip("127.0.0.1") port($port) transport("tcp") max-connections(100) log-iw-size(100000) log-fetch-limit(1000)); };
  $first
  parser { json-parser(prefix(".j.")); };
  filter { ("\${.j.EventID}" eq "11" or "\${.j.EventID}" eq "15")
    and match("\\\\\\\\MsMpEng\\\\.exe$" value(".j.Image") type(pcre) flags(ignore-case))
    and match(":\\\\\\\\Windows\\\\\\\\System32\\\\\\\\" value(".j.TargetFilename") type(pcre) flags(ignore-case)) };
  destination { file("$work/found" template("\${MESSAGE}\n")); };
};
CONF
  LD_LIBRARY_PATH=$syslog_ng_root/usr/lib/syslog-ng taskset -c 0 "$syslog_ng" --foreground \
    --stderr --no-caps --cfgfile "$work/syslog-ng.conf" --module-path "$modules" --persist-file "$work/persist" \
    --pidfile "$work/syslog-ng.pid" --control "$work/control" > "$work/log" 2>&1 &
  pid=$!
  wait_for listens
}
evaluated_syslog_ng() {
  LD_LIBRARY_PATH=$syslog_ng_root/usr/lib/syslog-ng "$syslog_ng-ctl" stats \
    --control "$work/control" | awk -F';' '$1 == "source" && $5 == "processed" && $2 ~ /anon|#/ { n += $6 } END { print n + 0 }'
}
matches_syslog_ng() { matches_rsyslog; }
