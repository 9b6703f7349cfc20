// One finding with all that belongs to it.
import {get} from './api.js';
import {copyButton, fill, h, shown} from './dom.js';
import {fullTime, plural, severity, technique} from './format.js';

export function findingDetail({failed, close}) {
  const page = h('div', {class: 'page'});
  const node = h('section', {class: 'detail', 'aria-label': 'The finding that is open'}, h('div', {class: 'scroll', tabindex: -1}, page));
  let open = null;

  function show(id) {
    if (id === open) return;
    open = id;
    node.firstChild.scrollTop = 0;
    if (id) return load(true);
    fill(page, 'none', () => h('div', {class: 'empty'}, h('h2', {}, 'No finding is open'), h('p', {}, 'Choose one from the list. Its address can be sent to others.')));
  }

  async function load(focus) {
    const id = open;
    try {
      const {body} = await get('/api/finding?id=' + encodeURIComponent(id));
      if (id !== open) return;
      fill(page, JSON.stringify(body), () => sections(body, close));
    } catch (error) {
      if (id !== open) return;
      if (error.status !== 404) return failed(error);
      fill(page, 'gone ' + id, () => [backButton(close), h('div', {class: 'empty'}, h('h2', {tabindex: -1}, 'This finding is not here'), h('p', {}, error.message + '.'))]);
    }
    if (focus) page.querySelector('h1, h2')?.focus({preventScroll: true});
  }

  return {node, show, refresh: () => open && load(false)};
}

const backButton = (close) => h('p', {class: 'back'}, h('button', {type: 'button', onclick: close}, '← All findings'));

function sections({finding, revisions, delivery, splunk}, close) {
  return [backButton(close), head(finding), facts(finding, delivery, revisions), fields(finding.row), sample(finding.sample), searches(splunk), history(revisions)];
}

function head(finding) {
  return h('div', {class: 'head'}, h('h1', {tabindex: -1}, shown(finding.title || finding.rule_title || finding.detection)),
    h('div', {class: 'chips'}, severity(finding.severity, true), h('span', {class: 'chip'}, `risk ${finding.risk_score}`),
      finding.status !== 'new' && h('span', {class: 'chip'}, finding.status), finding.kind !== 'finding' && h('span', {class: 'chip'}, 'risk events only'),
      (finding.annotations?.mitre_attack ?? []).map(technique)));
}

const panel = (title, ...body) => h('section', {class: 'panel'}, h('h2', {}, title), h('div', {class: 'body'}, body));
const fact = (name, ...value) => [h('dt', {}, name), h('dd', {}, value)];
const values = (value) => (Array.isArray(value) ? value : [value]);

function facts(finding, delivery, revisions) {
  const objects = (list) => list.map((each) => h('div', {}, shown(each.value), h('span', {class: 'soft'}, ` ${each.type}${each.score === undefined ? '' : `, ${each.score}`}`)));
  const stories = finding.annotations?.analytic_story ?? [], cves = finding.annotations?.cve ?? [];
  return panel('What and where', h('dl', {class: 'facts'},
    fact('Detection', h('a', {href: '#/detections/' + encodeURIComponent(finding.detection)}, shown(finding.detection)), finding.type && h('span', {class: 'soft'}, ` ${finding.type}`)),
    fact('Told', fullTime(finding.created)), fact('Window', fullTime(finding.earliest), h('div', {}, 'to ', fullTime(finding.latest))),
    finding.risk_objects.length > 0 && fact('Risk objects', objects(finding.risk_objects)),
    finding.threat_objects.length > 0 && fact('Threat objects', objects(finding.threat_objects)),
    stories.length > 0 && fact('Analytic story', shown(stories.join(', '))), cves.length > 0 && fact('CVE', shown(cves.join(', '))),
    fact('Delivery', deliveryText(delivery)),
    fact('Id', h('span', {class: 'row'}, h('code', {}, finding.id), copyButton(finding.id, 'the id')), revisions.length > 1 && h('span', {class: 'soft'}, `revision ${finding.revision}`))));
}

function deliveryText({waiting, parked}) {
  if (parked > 0) return h('span', {}, `${plural(parked, 'envelope was', 'envelopes were')} refused by the endpoint and put aside: `, h('code', {}, 'hecate state outbox'), ' shows the answer.');
  if (waiting > 0) return `${plural(waiting, 'envelope waits', 'envelopes wait')} to be confirmed by the endpoint`;
  return 'Nothing is waiting';
}

function fields(row) {
  const names = Object.keys(row ?? {});
  return panel('Fields', names.length === 0 ? 'The row has no fields.' : h('table', {class: 'fields'}, h('tbody', {}, names.map((name) =>
    h('tr', {}, h('th', {scope: 'row'}, shown(name)), h('td', {}, values(row[name]).map((value) => h('span', {}, shown(value)))))))));
}

function formatted(raw) {
  try {
    return JSON.stringify(JSON.parse(raw), null, 2);
  } catch {
    return null;
  }
}

function sample(event) {
  if (!event) return panel('Sample event', h('p', {class: 'soft'}, 'This row is of more than one group of events, so none stands for it.'));
  const pretty = formatted(event.raw);
  const text = h('pre', {class: 'text', tabindex: 0, 'aria-label': 'The event'}, shown(pretty ?? event.raw));
  let asItCame = pretty === null;
  const toggle = pretty !== null && h('button', {type: 'button', class: 'small', onclick: () => {
    asItCame = !asItCame;
    text.replaceChildren(shown(asItCame ? event.raw : pretty));
    toggle.textContent = asItCame ? 'Formatted' : 'As it came';
  }}, 'As it came');
  return panel('Sample event', h('dl', {class: 'facts'}, event.time && fact('Time', fullTime(event.time)), fact('Host', shown(event.host)), fact('Source', shown(event.source)), fact('Sourcetype', shown(event.sourcetype))),
    h('div', {class: 'row'}, h('span', {class: 'soft'}, 'The first event of its group'), h('span', {class: 'end row'}, toggle, copyButton(event.raw, 'the event'))), text);
}

const ofEpoch = (text) => (/^\d+(\.\d+)?$/.test(text) ? fullTime(new Date(Number(text) * 1000).toISOString()) : h('code', {}, text));

function searches(list) {
  if (list.length === 0) return panel('In Splunk', h('p', {class: 'soft'}, 'An older version told this finding and did not keep its searches.'));
  return panel('In Splunk', h('p', {class: 'soft'}, 'Put one into Splunk’s search bar, over the times that stand with it. Values of events are quoted in them.'), list.map((each) =>
    h('div', {class: 'search'}, h('div', {class: 'row'}, h('h3', {}, shown(each.name)), h('span', {class: 'end'}, copyButton(each.search, 'the search'))),
      h('pre', {class: 'text'}, shown(each.search)),
      each.earliest && h('p', {class: 'soft'}, 'From ', ofEpoch(each.earliest), each.latest ? [' to ', ofEpoch(each.latest)] : ''))));
}

function history(revisions) {
  if (revisions.length < 2) return null;
  return panel('Revisions', h('ol', {}, revisions.map((each) => h('li', {class: 'row'}, h('span', {}, `${each.revision}, ${each.status}`), fullTime(each.created)))));
}
