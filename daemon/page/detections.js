// What runs, when, what it costs, and why the rest does not.
import {get} from './api.js';
import {fill, h, keyed, shown} from './dom.js';
import {bytes, cost, count, fullTime, plural, relative, shortTime, technique} from './format.js';

export function detectionsView(main, {failed}) {
  const page = h('div', {class: 'page'});
  const scroll = h('div', {class: 'scroll', tabindex: -1}, page);
  main.append(scroll);
  const list = listPage(), one = h('div', {class: 'page'});
  const state = {name: null, version: null, places: {}};

  function show(where) {
    if (where.argument === state.name) return;
    state.places[state.name ?? ''] = scroll.scrollTop;
    state.name = where.argument;
    scroll.replaceChildren(state.name ? one : list.node);
    if (state.name) fill(one, 'looking', () => h('p', {class: 'soft'}, 'Looking…'));
    scroll.scrollTop = state.places[state.name] ?? 0;
    load(true);
  }

  function update(status) {
    const version = JSON.stringify([status.changes.runs, status.changes.content, status.changes.findings]);
    const changed = state.version !== null && state.version !== version;
    state.version = version;
    if (changed) load(false);
  }

  async function load(focus) {
    const name = state.name;
    try {
      const {body} = await get('/api/detections' + (name ? '?name=' + encodeURIComponent(name) : ''));
      if (name !== state.name) return;
      if (name) fill(one, JSON.stringify(body), () => inFull(body));
      else list.draw(body);
    } catch (error) {
      if (name !== state.name) return;
      if (error.status !== 404) return failed(error);
      fill(one, 'gone', () => [back(), h('div', {class: 'empty'}, h('h2', {tabindex: -1}, 'It does not run'), h('p', {}, error.message + '. The list says which are off, and why.'))]);
    }
    if (focus && name) one.querySelector('h1')?.focus({preventScroll: true});
  }

  return {show, update};
}

// The first is as they were loaded.
const orders = {'As loaded': () => 0, Costliest: (a, b) => spent(b) - spent(a), 'Most matches': (a, b) => b.matches - a.matches, Name: (a, b) => a.name.localeCompare(b.name)};

const back = () => h('p', {}, h('a', {href: '#/detections'}, '← All detections'));

function listPage() {
  const summary = h('p', {class: 'soft'});
  const find = h('input', {type: 'search', placeholder: 'A part of its name', autocomplete: 'off', spellcheck: 'false', oninput: () => draw(body)});
  const order = h('select', {onchange: () => draw(body)}, Object.keys(orders).map((name) => h('option', {}, name)));
  const refused = h('div', {}), warnings = h('div', {}), off = h('div', {}), none = h('div', {});
  const rows = h('tbody', {});
  const columns = ['Detection', 'Schedule', 'Next run', 'Last runs', 'Matches', 'Findings, 24 h', 'Cost'];
  const table = h('section', {class: 'panel'}, h('table', {class: 'rows'}, h('thead', {}, h('tr', {}, columns.map((name) => h('th', {scope: 'col'}, name)))), rows), none);
  const node = h('div', {class: 'page'}, h('div', {class: 'bar-row'}, h('h1', {}, 'Detections'), h('label', {}, 'Find', find), h('label', {}, 'Order', order)), summary, refused, table, warnings, off);
  let body = null;

  function draw(given) {
    if (!given) return;
    body = given;
    const wanted = find.value.trim().toLowerCase();
    const running = body.detections.filter((each) => each.name.toLowerCase().includes(wanted)).sort(orders[order.value]);
    fill(summary, JSON.stringify([body.detections.length, body.off.length, body.loaded]), () => [`${count(body.detections.length)} running, ${count(body.off.length)} off. Loaded `, relative(body.loaded), '; SIGHUP reads the files again.']);
    keyed(rows, running, (each) => each.name, row);
    fill(none, String(running.length), () => running.length === 0 && h('p', {class: 'list-end'}, 'No running detection has this in its name.'));
    fill(refused, JSON.stringify(body.reload_refused ?? 0), () => body.reload_refused && refusal(body.reload_refused));
    fill(warnings, JSON.stringify(body.warnings), () => body.warnings.length > 0 && reasons('Loaded, and likely not what was meant', body.warnings));
    const offNow = body.off.filter((each) => each.name.toLowerCase().includes(wanted));
    fill(off, JSON.stringify(offNow), () => offNow.length > 0 && reasons('Off', offNow));
  }
  return {node, draw};
}

function refusal(reload) {
  return reasons(h('span', {}, 'Refused at the reload ', relative(reload.time), '; what ran before runs on'),
    reload.why ? [{name: 'The configuration', file: '', reason: reload.why}] : reload.detections);
}

function reasons(title, list) {
  return h('section', {class: 'panel'}, h('h2', {}, title), h('ul', {class: 'off-list'}, list.map((each) =>
    h('li', {}, each.name && h('strong', {}, shown(each.name)), h('span', {}, shown(each.reason)), each.file && h('code', {class: 'soft'}, shown(`${each.file}:${each.line}:${each.column}`))))));
}

const cell = (label, ...content) => h('td', {'data-label': label}, h('div', {}, content));

function row(each) {
  const name = h('td', {class: 'name'}, h('a', {href: '#/detections/' + encodeURIComponent(each.name)}, shown(each.name)),
    h('div', {class: 'sub'}, [each.type, ...each.mitre_attack].filter(Boolean).join(' · '), each.actions.length === 0 && ' · takes no action, so nothing is told'));
  return h('tr', {}, name, cell('Schedule', h('code', {class: 'nowrap'}, each.cron), h('div', {class: 'sub'}, `${each.earliest} to ${each.latest}`, each.emit === 'first_match' && ', at the first match')),
    cell('Next run', each.next_run ? relative(each.next_run) : 'none'), cell('Last runs', lastRuns(each)), cell('Matches', count(each.matches), h('div', {class: 'sub'}, `of ${plural(each.candidates, 'candidate')}`)),
    cell('Findings, 24 h', each.findings_24h > 0 ? h('a', {href: '#/findings?' + new URLSearchParams({detection: each.name, range: '24h'})}, count(each.findings_24h)) : '0'),
    cell('Cost', costOf(each)));
}

function lastRuns(each) {
  if (each.runs.length === 0) return h('span', {class: 'soft'}, 'none yet');
  const newest = each.runs[0];
  const told = each.runs.map((run) => `${run.scheduled}: ${plural(run.rows, 'row')}${run.incomplete ? ', incomplete' : ''}`).join('\n');
  const bars = h('span', {class: 'runs', title: told, 'aria-hidden': 'true'}, [...each.runs].reverse().map((run) => h('i', {class: run.incomplete ? 'incomplete' : run.rows > 0 ? 'some' : null})));
  return [bars, h('div', {class: 'sub'}, plural(newest.rows, 'row'), newest.incomplete ? ', incomplete' : '', ', ', relative(newest.scheduled))];
}

const spent = (each) => each.match_seconds + each.run_seconds;

function costOf(each) {
  const timed = each.runs.filter((run) => run.seconds !== undefined);
  const mean = timed.reduce((sum, run) => sum + run.seconds, 0) / timed.length;
  return [h('span', {title: 'On its events and its runs, since the start'}, cost(spent(each))), h('div', {class: 'sub'}, timed.length > 0 ? `${cost(mean)} a run, ` : 'no run yet, ', `${bytes(each.state_bytes)} of state`)];
}

const panel = (title, ...body) => h('section', {class: 'panel'}, h('h2', {}, title), h('div', {class: 'body'}, body));
const fact = (name, ...value) => [h('dt', {}, name), h('dd', {}, value)];

function inFull(each) {
  return [back(), h('h1', {tabindex: -1}, shown(each.name)), h('div', {class: 'chips'}, each.type && h('span', {class: 'chip'}, each.type), each.status && h('span', {class: 'chip'}, each.status), each.mitre_attack.map(technique)),
    h('p', {}, shown(each.description)), schedule(each), runs(each), panel('Search', h('pre', {class: 'text'}, shown(each.search)), h('h3', {}, 'How it is run'), h('pre', {class: 'text'}, shown(each.plan.join('\n')))), about(each)];
}

function schedule(each) {
  return panel('Now', h('dl', {class: 'facts'}, fact('Schedule', h('code', {}, each.cron), ` (UTC), events from ${each.earliest} to ${each.latest}`),
    fact('Told', each.emit === 'first_match' ? 'at the first match, and by the scheduled run' : 'by the scheduled run'), fact('Next run', each.next_run ? [relative(each.next_run), ' · ', fullTime(each.next_run)] : 'none'),
    fact('Makes', each.actions.length > 0 ? each.actions.join(', ') : 'nothing: it takes no action'), fact('Matches', `${count(each.matches)} of ${count(each.candidates)} candidates since the start`),
    fact('Cost', `${cost(each.match_seconds)} on events, ${cost(each.run_seconds)} on runs since the start`),
    fact('Findings', h('a', {href: '#/findings?' + new URLSearchParams({detection: each.name})}, 'All of them'), `, ${count(each.findings_24h)} in the last 24 hours`),
    fact('Incomplete runs', `${count(each.incomplete_runs)} since the start`), fact('State on disk', bytes(each.state_bytes), h('span', {class: 'soft'}, ' shared with detections of the same search'))));
}

function runs(each) {
  if (each.runs.length === 0) return panel('Last runs', h('p', {class: 'soft'}, 'It has not run yet.'));
  const columns = ['Due', 'Events from', 'to', 'Rows', 'Took'];
  return h('section', {class: 'panel'}, h('h2', {}, 'Last runs'), h('table', {class: 'rows'}, h('thead', {}, h('tr', {}, columns.map((name) => h('th', {scope: 'col'}, name)))), h('tbody', {}, each.runs.map((run) =>
    h('tr', {}, cell('Due', shortTime(run.scheduled)), cell('Events from', shortTime(run.earliest)), cell('to', shortTime(run.latest)), cell('Rows', count(run.rows), run.incomplete && h('span', {class: 'chip warn'}, 'incomplete')),
      cell('Took', run.seconds === undefined ? '?' : cost(run.seconds)))))));
}

function about(each) {
  const text = (name, value) => value && fact(name, shown(value));
  return panel('About', h('dl', {class: 'facts'}, text('File', `${each.file}:${each.line}`), text('Id', each.id), text('Version', String(each.version)), text('Author', each.author), text('Analytic story', each.analytic_stories.join(', ')),
    text('Data sources', each.data_sources.join(', ')), text('Needs', each.how_to_implement), text('False positives', each.known_false_positives), text('References', each.references.join('\n'))));
}
