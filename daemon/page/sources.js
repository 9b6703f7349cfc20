// Hosts and channels that events come from, those that stopped first.
import {get, query} from './api.js';
import {fill, h, keyed, shown} from './dom.js';
import {count, plural, relative, span} from './format.js';

const PAUSE_MS = 8000;  // between two looks; they change with every event
const MOST = 500;
const STATES = {'': 'All', silent: 'Silent', steady: 'Steady', irregular: 'Irregular', new: 'New'};
const COLUMNS = ['Host', 'Channel', 'State', 'Last seen', 'Events', 'Lag, half · 95 %'];

export function sourcesView(main, {failed}) {
  const summary = h('p', {class: 'soft'});
  const choose = h('select', {onchange: () => load()}, Object.entries(STATES).map(([value, text]) => h('option', {value}, text)));
  const find = h('input', {type: 'search', placeholder: 'A part of host or channel', autocomplete: 'off', spellcheck: 'false', oninput: () => draw()});
  const rows = h('tbody', {}), none = h('div', {}), detections = h('div', {});
  const table = h('section', {class: 'panel'}, h('table', {class: 'rows'}, h('thead', {}, h('tr', {}, COLUMNS.map((name) => h('th', {scope: 'col'}, name)))), rows), none);
  const page = h('div', {class: 'page'}, h('div', {class: 'bar-row'}, h('h1', {}, 'Sources'), h('label', {}, 'State', choose), h('label', {}, 'Find', find)), summary, detections, table);
  main.append(h('div', {class: 'scroll', tabindex: -1}, page));
  let body = null, asked = 0, absent = false;

  async function load() {
    asked = Date.now();
    try {
      body = (await get('/api/sources?' + query({state: choose.value, limit: MOST}))).body;
      draw();
    } catch (error) {
      if (error.status !== 404) return failed(error);
      absent = true;
      page.replaceChildren(h('div', {class: 'empty'}, h('h2', {}, 'This hecate does not tell its sources'), h('p', {}, 'Its version has no /api/sources.')));
    }
  }

  function draw() {
    if (!body) return;
    const wanted = find.value.trim().toLowerCase();
    const list = body.sources.filter((each) => (each.host + ' ' + each.channel).toLowerCase().includes(wanted));
    const told = [...Object.keys(STATES)].filter((state) => body.count[state] > 0).map((state) => `${count(body.count[state])} ${state}`);
    fill(summary, JSON.stringify([told, body.untracked_events]), () => [told.length > 0 ? `${told.join(', ')}. ` : '', 'A source is a host and a channel; one that was steady and stopped is silent.', body.untracked_events > 0 && ` ${plural(body.untracked_events, 'event')} of sources beyond the bound are counted nowhere here.`]);
    keyed(rows, list, (each) => JSON.stringify([each.host, each.channel]), row);
    fill(none, JSON.stringify([list.length, body.sources.length]), () => (list.length > 0 ? null : body.sources.length > 0 || choose.value ? h('p', {class: 'list-end'}, 'No source fits.') : noSources()));
    const quiet = (body.detections ?? []).filter((each) => each.silent);
    fill(detections, JSON.stringify(quiet), () => quiet.length > 0 && silentDetections(quiet));
  }

  return {show: load, update: () => !absent && Date.now() - asked > PAUSE_MS && load()};
}

function noSources() {
  return h('div', {class: 'empty'}, h('h2', {}, 'No event has come in yet'), h('p', {}, 'Each host appears here with its first event. ', h('a', {href: '#/flow'}, 'Flow'), ' shows what arrives and what is refused.'));
}

const cell = (label, ...content) => h('td', {'data-label': label}, h('div', {}, content));

function row(each) {
  const lag = each.lag ? [`${span(each.lag.p50)} · ${span(each.lag.p95)}`, h('div', {class: 'sub'}, `at most ${span(each.lag.most)}`)] : h('span', {class: 'soft'}, 'not known');
  return h('tr', {}, h('td', {class: 'name'}, h('a', {href: '#/findings?' + query({host: each.host}), title: 'Findings of this host'}, shown(each.host || '(no host)'))),
    cell('Channel', shown(each.channel)), cell('State', h('span', {class: each.state === 'silent' ? 'chip warn' : 'chip'}, each.state), each.silent_after !== null && each.silent_after !== undefined && h('div', {class: 'sub'}, `silent after ${span(each.silent_after)}`)),
    cell('Last seen', relative(each.last_seen)), cell('Events', count(each.events)), cell('Lag, half · 95 %', lag));
}

function silentDetections(list) {
  return h('section', {class: 'panel'}, h('h2', {}, `${plural(list.length, 'detection has', 'detections have')} seen no candidate for a day`), h('ul', {class: 'off-list'}, list.map((each) =>
    h('li', {}, h('a', {href: '#/detections/' + encodeURIComponent(each.name)}, shown(each.name)), h('span', {class: 'soft'}, each.last_candidate ? ['The last one came ', relative(each.last_candidate)] : ['None since it was loaded, ', relative(each.since)], '. Do its events reach hecate?')))));
}
