// How events come in and findings go out.
import {fill, h} from './dom.js';
import {bytes, count, fullTime, rate, relative, span} from './format.js';

export function flowView(main, {pollSoon}) {
  const cards = h('div', {class: 'cards'});
  const foot = h('p', {class: 'soft'});
  main.append(h('div', {class: 'scroll', tabindex: -1}, h('div', {class: 'page'}, h('h1', {}, 'Flow'), cards, foot)));
  const places = new Map();

  // A card stays where it is; what it holds is made anew when it has changed.
  function card(name, title, content, make) {
    let body = places.get(name);
    if (!body) {
      body = h('div', {class: 'body'});
      places.set(name, body);
      cards.append(h('section', {class: 'panel'}, h('h2', {}, title), body));
    }
    fill(body, JSON.stringify(content), make);
  }

  function update(status) {
    if (!status.rates) return;
    for (const input of status.inputs) {
      const rates = status.rates.inputs[input.name] ?? [];
      card('input ' + input.name, input.name, [input, rates], () => inputCard(input, rates, status.rates.seconds));
    }
    const queued = status.inputs.reduce((sum, each) => sum + each.queue_bytes, 0);
    card('queue', 'Queue', [queued, status.queue_limit_bytes], () => queueCard(queued, status.queue_limit_bytes));
    card('outbox', 'Outbox', status.outbox ?? 0, () => outboxCard(status.outbox));
    card('late', 'Late events', status.late, () => lateCard(status.late));
    card('state', 'State', status.state, () => figures([['On disk', bytes(status.state.bytes)], ['Left on the disk', bytes(status.state.disk_free_bytes)]]));
    fill(foot, status.started, () => ['Counts are since the start, ', relative(status.started), ' · ', fullTime(status.started), '.']);
  }

  return {show: () => pollSoon(), update, wantsRates: true};
}

const figures = (list) => h('dl', {class: 'figures'}, list.map(([name, value, bad]) => [h('dt', {}, name), h('dd', {class: bad ? 'bad' : null}, value)]));

function inputCard(input, rates, seconds) {
  const last = rates.at(-1);
  const list = [['Received', count(input.received)], ['Evaluated', count(input.evaluated)], ['Refused', count(input.rejected), input.rejected > 0], ['Malformed', count(input.malformed)]];
  if (input.dropped > 0) list.splice(2, 0, ['Dropped', count(input.dropped), true]);
  return [h('p', {class: 'figure'}, h('b', {}, last === undefined ? '–' : rate(last)), h('span', {class: 'soft'}, 'events a second')), spark(rates, seconds), figures(list),
    input.received === 0 && h('p', {class: 'soft'}, 'Nothing has come by this way yet.')];
}

// The last hour; what is not there yet is left free.
const POINTS = 360;
function spark(rates, seconds) {
  const most = Math.max(...rates, 1);
  const x = (i) => POINTS - rates.length + i, y = (value) => 40 - (value / most) * 38;
  const line = rates.map((value, i) => `${i === 0 ? 'M' : 'L'}${x(i)} ${y(value).toFixed(2)}`).join('');
  const area = rates.length > 0 ? `${line}L${x(rates.length - 1)} 40L${x(0)} 40Z` : '';
  const told = rates.length === 0 ? 'no figures yet' : `now ${rate(rates.at(-1))}, at most ${rate(Math.max(...rates))} events a second in the last ${span(rates.length * seconds)}`;
  return h('div', {}, h('svg', {class: 'spark', viewBox: `0 0 ${POINTS} 40`, preserveAspectRatio: 'none', role: 'img', 'aria-label': told}, h('line', {class: 'base', x1: 0, x2: POINTS, y1: 40, y2: 40}), h('path', {class: 'area', d: area}), h('path', {class: 'line', d: line})),
    h('div', {class: 'axis'}, h('span', {}, '1 h ago'), h('span', {}, rates.length === 0 ? 'the first figure comes in a few seconds' : `most ${rate(Math.max(...rates))}/s`), h('span', {}, 'now')));
}

function queueCard(queued, limit) {
  const part = limit > 0 ? queued / limit : 0;
  const meter = h('div', {class: 'meter' + (part > 0.9 ? ' full' : ''), role: 'img', 'aria-label': `${Math.round(part * 100)} % of the queue is in use`}, h('i', {}));
  meter.firstChild.style.width = `${Math.min(100, part * 100)}%`;
  return [h('p', {class: 'figure'}, h('b', {}, bytes(queued)), h('span', {class: 'soft'}, `of ${bytes(limit)} wait to be evaluated`)), meter, part > 0.9 && h('p', {class: 'soft'}, 'Nearly full: senders are answered 503 and send again. See ingest.workers and ingest.queue_bytes.')];
}

function outboxCard(outbox) {
  if (!outbox) return h('p', {class: 'soft'}, 'No outputs.hec is configured: findings are kept here and printed, and posted nowhere.');
  const rows = [['Oldest has waited', outbox.waiting > 0 ? span(outbox.oldest_seconds) : '–', outbox.oldest_seconds > 300], ['Put aside since the start', count(outbox.parked), outbox.parked > 0], ['Requests not acknowledged', count(outbox.acks_waiting)]];
  return [h('p', {class: 'figure'}, h('b', {}, count(outbox.waiting)), h('span', {class: 'soft'}, 'envelopes wait to be confirmed')), figures(rows),
    outbox.endpoints.map((each) => [h('h3', {}, each.endpoint), figures(['accepted', 'busy', 'refused', 'no_answer'].filter((name) => name === 'accepted' || each[name] > 0).map((name) => [{accepted: 'Requests accepted', busy: 'Busy', refused: 'Refused', no_answer: 'No answer'}[name], count(each[name] ?? 0), name !== 'accepted']))])];
}

function lateCard(late) {
  return [figures([['Windows run again', count(late.reruns)], ['Groups that came late', count(late.late_groups)], ['Events too late, kept aside', count(late.aside_late), late.aside_late > 0], ['Events from the future, kept aside', count(late.aside_future), late.aside_future > 0]]),
    late.aside_late + late.aside_future > 0 && h('p', {class: 'soft'}, h('code', {}, 'hecate state late'), ' lists what was kept aside.')];
}
