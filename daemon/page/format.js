// Times and numbers as people read them. Times are shown in the reader's zone, with UTC beside them or in the
// title.
import {h} from './dom.js';

const day = new Intl.DateTimeFormat(undefined, {weekday: 'short', day: 'numeric', month: 'short', year: 'numeric'});
const clock = new Intl.DateTimeFormat(undefined, {hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23'});
const number = new Intl.NumberFormat(undefined, {maximumFractionDigits: 0});
const rateNumber = new Intl.NumberFormat(undefined, {maximumFractionDigits: 1});

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || 'local time';

const two = (n) => String(n).padStart(2, '0');
export const localDay = (iso) => day.format(new Date(iso));
export const localDayKey = (iso) => {
  const d = new Date(iso);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
};
const local = (iso) => `${localDayKey(iso)} ${clock.format(new Date(iso))}`;
const utc = (iso) => new Date(iso).toISOString().replace('T', ' ').replace(/\.\d+Z$/, ' UTC');

// `20:34:29`, for where the day is told beside it.
export const timeOfDay = (iso) => h('time', {datetime: iso, title: `${local(iso)} ${zone} · ${utc(iso)}`}, clock.format(new Date(iso)));
// Day and time, and the same in UTC.
export const fullTime = (iso) =>
  h('time', {datetime: iso}, local(iso), ' ', h('span', {class: 'soft nowrap'}, `· ${utc(iso)}`));
export const shortTime = (iso) => h('time', {datetime: iso, title: utc(iso), class: 'nowrap'}, local(iso));

export function span(seconds) {
  const s = Math.abs(seconds);
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 90) return `${Math.round(s)} s`;
  if (s < 90 * 60) return `${Math.round(s / 60)} min`;
  if (s < 36 * 3600) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} days`;
}
export function cost(seconds) {
  if (seconds === 0) return '0';
  if (seconds < 0.001) return '< 1 ms';
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
}

// The difference between the daemon's clock and the reader's, in milliseconds: what is told relative to now is
// relative to the daemon's.
let skew = 0;
export function setNow(iso) {
  skew = Date.parse(iso) - Date.now();
}
export const now = () => Date.now() + skew;

// `in 12 min`, `3 s ago`; kept up to date by refreshRelative.
export function relative(iso) {
  const node = h('time', {datetime: iso, title: `${local(iso)} ${zone} · ${utc(iso)}`, 'data-relative': true, class: 'nowrap'});
  node.textContent = relativeText(iso);
  return node;
}
function relativeText(iso) {
  const seconds = (Date.parse(iso) - now()) / 1000;
  if (Math.abs(seconds) < 1) return 'now';
  return seconds > 0 ? `in ${span(seconds)}` : `${span(seconds)} ago`;
}
export function refreshRelative() {
  for (const node of document.querySelectorAll('time[data-relative]')) {
    const text = relativeText(node.dateTime);
    if (node.textContent !== text) node.textContent = text;
  }
}

export const count = (n) => number.format(n);
export const rate = (n) => (n >= 100 ? number.format(n) : rateNumber.format(n));
export const plural = (n, one, many = one + 's') => `${count(n)} ${n === 1 ? one : many}`;
export function bytes(n) {
  let unit = 'B';
  for (const larger of ['KiB', 'MiB', 'GiB', 'TiB']) {
    if (n < 1024) break;
    n /= 1024;
    unit = larger;
  }
  return `${unit === 'B' || n >= 100 ? Math.round(n) : n.toFixed(1)} ${unit}`;
}

const LEVELS = ['informational', 'low', 'medium', 'high', 'critical'];
export function severity(name, withName) {
  const level = LEVELS.indexOf(name) + 1;
  const pips = h('span', {class: 'pips', 'aria-hidden': 'true'}, LEVELS.map((_, i) => h('i', {class: i < level ? 'on' : null})));
  return h('span', {class: 'severity', 'data-level': level, title: name}, pips, h('span', {class: withName ? null : 'unseen'}, name));
}

// MITRE's page of a technique; what does not look like one is shown without a link.
export function technique(id) {
  const match = /^T(\d{4})(?:\.(\d{3}))?$/.exec(id);
  if (!match) return h('span', {class: 'chip'}, id);
  const path = `T${match[1]}/${match[2] ? match[2] + '/' : ''}`;
  return h('a', {class: 'chip', href: `https://attack.mitre.org/techniques/${path}`, target: '_blank', rel: 'noopener noreferrer', title: `${id} at MITRE ATT&CK (opens their site)`}, id, ' ↗');
}
