// The list of findings, newest first, and the one that is open beside it. What comes while the reader is further
// down waits behind a button, so that nothing moves under the eye.
import {get, query} from './api.js';
import {announce, fill, h, keyed, shown} from './dom.js';
import {findingDetail} from './finding.js';
import {localDay, localDayKey, now, plural, rate, relative, severity, timeOfDay, zone} from './format.js';

const PAGE = 50;
const LOOKS = 20;  // requests for one piece of the list, where a filter lets few through
const RANGES = {'': 'Any time', '1h': 'Last hour', '24h': 'Last 24 hours', '7d': 'Last 7 days', '30d': 'Last 30 days', between: 'Between…'};
const SECONDS = {h: 3600, d: 86400};
const FILTERS = ['detection', 'host', 'range', 'from', 'to'];

const byAge = (a, b) => (a.created < b.created ? 1 : a.created > b.created ? -1 : 0);

export function findingsView(main, {failed}) {
  const list = h('ol', {'aria-label': 'Findings, newest first'});
  const above = h('div', {class: 'more-above', hidden: true});
  const end = h('div', {class: 'list-end'});
  const scroll = h('div', {class: 'scroll', tabindex: -1, onscroll: () => scroll.scrollTop < 4 && takeWaiting()}, above, list, end);
  const filters = filterBar(applyFilters);
  const detail = findingDetail({failed, close: () => go('')});
  const split = h('div', {class: 'split'}, h('section', {class: 'list', 'aria-label': 'Findings'}, filters.node, scroll), detail.node);
  main.append(split);

  const state = {items: [], waiting: null, next: null, filter: {}, open: '', status: null, seen: null, asked: 0, loading: false, loaded: false};

  function show(where) {
    const filter = Object.fromEntries(FILTERS.map((name) => [name, where.parameters.get(name) ?? '']));
    const changed = JSON.stringify(filter) !== JSON.stringify(state.filter);
    state.filter = filter;
    state.open = where.argument;
    filters.set(filter);
    split.classList.toggle('open', state.open !== '');
    detail.show(state.open);
    if (changed || !state.loaded) restart();
    else draw();
  }

  function update(status) {
    state.status = status;
    filters.setDetections(status.changes.content);
    const changed = state.seen !== null && state.seen !== status.changes.findings;
    state.seen = status.changes.findings;
    if (changed) refresh();
    if (changed) detail.refresh();
    if (state.items.length === 0) draw();
  }

  const address = (more = {}) => '/api/findings?' + query({brief: 1, limit: PAGE, detection: state.filter.detection, host: state.filter.host, ...times(state.filter), ...more});

  // One piece of the list; where the daemon looked at many and found few, on to the next.
  async function piece(first, asked) {
    let items = [], next = first;
    for (let i = 0; i < LOOKS && next && items.length < PAGE; ++i) {
      const answer = await get(next);
      if (asked !== state.asked) return null;
      items = items.concat(answer.body);
      next = answer.next;
    }
    return {items, next};
  }

  async function load(first, take) {
    const asked = ++state.asked;
    state.loading = true;
    drawEnd();
    try {
      const found = await piece(first, asked);
      if (!found) return;
      take(found);
      state.loaded = true;
    } catch (error) {
      failed(error);
    } finally {
      if (asked === state.asked) state.loading = false;
      draw();
    }
  }

  function restart() {
    state.items = [];
    state.waiting = state.next = null;
    state.loaded = false;
    scroll.scrollTop = 0;
    draw();
    return load(address(), (found) => Object.assign(state, found));
  }

  function older() {
    return load(state.next, (found) => {
      const known = new Set(state.items.map((each) => each.id));
      state.items = state.items.concat(found.items.filter((each) => !known.has(each.id)));
      state.next = found.next;
    });
  }

  // The newest are asked for again and put before what is there.
  function refresh() {
    if (state.loading) return;
    load(address(), (found) => {
      const before = new Map((state.waiting ?? state.items).map((each) => [each.id, each]));
      const fresh = found.items.filter((each) => before.get(each.id)?.revision !== each.revision);
      const ids = new Set(found.items.map((each) => each.id));
      const reaches = found.items.some((each) => before.has(each.id)) || !found.next;
      const oldest = found.items.at(-1)?.created ?? '';
      const behind = reaches ? state.items.filter((each) => !ids.has(each.id) && (found.next ? each.created <= oldest : false)) : [];
      const all = found.items.concat(behind).sort(byAge);
      if (behind.length === 0) state.next = found.next;
      if (fresh.length === 0) return state.waiting ? (state.waiting = all) : (state.items = all);
      announce(plural(fresh.length, 'new finding'));
      if (scroll.scrollTop < 4) {
        for (const each of fresh) each.fresh = true;
        state.items = all;
      } else {
        state.waiting = all;
      }
    });
  }

  function takeWaiting() {
    if (!state.waiting) return;
    state.items = state.waiting;
    state.waiting = null;
    draw();
  }

  function draw() {
    const known = new Set(state.items.map((each) => each.id + each.revision));
    const more = (state.waiting ?? []).filter((each) => !known.has(each.id + each.revision)).length;
    above.hidden = more === 0;
    fill(above, String(more), () => h('button', {class: 'primary', type: 'button', onclick: jump}, `↑ ${plural(more, 'new finding')}`));
    const rows = [];
    let day = '';
    for (const each of state.items) {
      const key = localDayKey(each.created);
      if (key !== day) rows.push({day: key, created: each.created});
      day = key;
      rows.push({...each, current: each.id === state.open});
    }
    keyed(list, rows, (row) => row.day ?? row.id, (row) => (row.day ? dayRow(row) : findingRow(row)));
    drawEnd();
  }

  function jump() {
    takeWaiting();
    scroll.scrollTop = 0;
    list.querySelector('.finding a')?.focus();
  }

  const dayRow = (row) => h('li', {class: 'day'}, localDay(row.created), h('span', {class: 'zone'}, zone));

  function findingRow(row) {
    const link = h('a', {href: hash(row.id), 'aria-current': row.current ? 'true' : null},
      timeOfDay(row.created), severity(row.severity), h('span', {class: 'what'}, shown(row.title || row.detection)),
      h('span', {class: 'where'}, row.hosts.length > 0 && h('span', {class: 'host'}, shown(row.hosts[0]), row.hosts.length > 1 ? ` +${row.hosts.length - 1}` : ''),
        row.status !== 'new' && h('span', {class: 'chip'}, row.status), row.kind !== 'finding' && h('span', {class: 'chip'}, 'risk only'),
        h('span', {}, shown(row.detection))));
    return h('li', {class: `finding${row.status === 'withdrawn' ? ' withdrawn' : ''}${row.fresh ? ' fresh' : ''}`}, link);
  }

  function drawEnd() {
    const filtered = Object.values(state.filter).some((each) => each !== '');
    const kind = state.loading && state.items.length === 0 ? 'loading' : state.items.length > 0 ? (state.next ? 'more' : 'all') : state.next ? 'far' : filtered ? 'none' : 'empty';
    const text = JSON.stringify([kind, state.loading, kind === 'empty' ? emptyState(state.status) : 0]);
    fill(end, text, () => {
      if (kind === 'loading') return 'Looking…';
      if (kind === 'more' || kind === 'far') {
        const button = h('button', {type: 'button', onclick: older}, state.loading ? 'Looking…' : 'Older findings');
        button.disabled = state.loading;
        return kind === 'far' ? [h('p', {}, 'None so far; there are older ones that were not looked at.'), button] : button;
      }
      if (kind === 'all') return h('span', {}, 'No older findings', filtered ? ' that fit' : '');
      if (kind === 'none')
        return h('div', {class: 'empty'}, h('h2', {}, 'Nothing fits these filters'), h('p', {}, 'Findings are kept for the time of retention.findings (90 days where nothing else is configured).'),
                 h('button', {type: 'button', onclick: () => applyFilters({})}, 'Show all findings'));
      return noFindings(emptyState(state.status));
    });
  }

  const hash = (id, filter = state.filter) => {
    const parameters = query(filter);
    return `#/findings${id ? '/' + encodeURIComponent(id) : ''}${parameters ? '?' + parameters : ''}`;
  };
  function go(id) {
    const from = state.open;
    location.hash = hash(id);
    if (!id) [...list.querySelectorAll('a')].find((each) => each.hash === hash(from))?.focus();
  }
  function applyFilters(filter) {
    location.hash = hash('', filter);
  }

  return {show, update};
}

// `24h` becomes a time since; days between which to look are the reader's.
function times(filter) {
  if (filter.range === 'between') {
    const at = (text) => (text && !Number.isNaN(Date.parse(text)) ? Date.parse(text) / 1000 : undefined);
    return {since: at(filter.from), until: at(filter.to)};
  }
  const match = /^(\d+)([hd])$/.exec(filter.range);
  return match ? {since: Math.floor(now() / 1000) - match[1] * SECONDS[match[2]]} : {};
}

function filterBar(apply) {
  const detection = h('select', {name: 'detection', onchange: changed}, h('option', {value: ''}, 'All detections'));
  const host = h('input', {name: 'host', type: 'search', placeholder: 'Any, or a part of its name', autocomplete: 'off', spellcheck: 'false', onchange: changed});
  const range = h('select', {name: 'range', onchange: changed}, Object.entries(RANGES).map(([value, text]) => h('option', {value}, text)));
  const from = h('input', {name: 'from', type: 'datetime-local', onchange: changed});
  const to = h('input', {name: 'to', type: 'datetime-local', onchange: changed});
  const between = [h('label', {}, `From (${zone})`, from), h('label', {}, 'To', to)];
  const node = h('form', {class: 'filters', role: 'search', 'aria-label': 'Filter findings', onsubmit: (event) => { event.preventDefault(); changed(); }},
    h('label', {class: 'wide'}, 'Detection', detection), h('label', {}, 'Host', host), h('label', {}, 'Time', range), between);
  const inputs = {detection, host, range, from, to};
  let content = null;

  function changed() {
    const filter = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.value]));
    if (filter.range !== 'between') filter.from = filter.to = '';
    apply(filter);
  }
  function set(filter) {
    if (filter.detection && ![...detection.options].some((each) => each.value === filter.detection))
      detection.append(h('option', {value: filter.detection}, filter.detection));
    for (const [name, input] of Object.entries(inputs))
      if (document.activeElement !== input || input.tagName === 'SELECT') input.value = filter[name];
    for (const label of between) label.hidden = filter.range !== 'between';
  }
  // The names of what runs; asked for again when that has changed.
  async function setDetections(version) {
    if (version === content) return;
    content = version;
    try {
      const {body} = await get('/api/detections?names=1');
      const chosen = detection.value;
      const names = new Set([...body.detections.map((each) => each.name), ...(chosen ? [chosen] : [])]);
      detection.replaceChildren(h('option', {value: ''}, 'All detections'), ...[...names].sort().map((name) => h('option', {value: name}, name)));
      detection.value = chosen;
    } catch {
      content = null;  // asked for with the next poll
    }
  }
  return {node, set, setDetections};
}

function emptyState(status) {
  if (!status) return null;
  return {received: status.inputs.reduce((sum, each) => sum + each.received, 0) > 0, detections: status.detections.running};
}

function noFindings(state) {
  if (!state) return '';
  if (!state.received)
    return h('div', {class: 'empty'}, h('h2', {}, 'No event has come in yet'),
      h('p', {}, 'Point a shipper at hecate’s HEC or syslog port with its token, or send a file of events by hand:'),
      h('pre', {}, 'hecate send --url http://<this machine>:8088 --token <token> --now events.ndjson'),
      h('p', {}, h('a', {href: '#/flow'}, 'Flow'), ' shows what arrives, and what is refused.'));
  return h('div', {class: 'empty'}, h('h2', {}, 'No findings yet'),
    h('p', {}, `Events come in, and ${plural(state.detections, 'detection runs', 'detections run')} on them. A finding appears here by itself when one of them matches.`),
    h('p', {}, h('a', {href: '#/detections'}, 'Detections'), ' shows when each runs next; ', h('a', {href: '#/flow'}, 'Flow'), ' how many events come.'));
}
