// The page's frame: which view is shown, whether the daemon answers, logging in and out. It polls /api/status,
// which is small and says by `changes` which lists are to be asked for again. Polling, and not a stream of
// events: it needs no connection that stays open (the admin port has 64), passes any proxy, and a restart of the
// daemon is a poll that fails and one that works.
import * as api from './api.js';
import {announce, fill, h} from './dom.js';
import {refreshRelative, setNow, shortTime, span} from './format.js';
import {detectionsView} from './detections.js';
import {findingsView} from './findings.js';
import {flowView} from './flow.js';
import {sourcesView} from './sources.js';

const POLL_MS = 2000;
const RETRY_MS = 4000;

const main = document.getElementById('main');
const nav = document.querySelector('nav');
const live = document.getElementById('live');
const notices = document.getElementById('notices');
const logout = document.getElementById('logout');

const views = {findings: findingsView, detections: detectionsView, flow: flowView, sources: sourcesView};
const app = {status: null, answeredAt: null, lost: null, view: null, name: null, timer: 0, asking: false, loggedOut: false};

// `#/findings/<id>?host=ws-1` → the view, what follows it, and parameters.
export function route() {
  const [path, parameters] = location.hash.replace(/^#\/?/, '').split('?');
  const [name, ...rest] = path.split('/');
  let argument = rest.join('/');
  try {
    argument = decodeURIComponent(argument);
  } catch { /* as it stands */ }
  return {name: name in views ? name : 'findings', argument, parameters: new URLSearchParams(parameters ?? '')};
}

function showRoute() {
  if (app.loggedOut || !app.status) return;
  const where = route();
  for (const link of nav.children) {
    if (link.dataset.view === where.name) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  if (app.name !== where.name) {
    app.view?.leave?.();
    main.replaceChildren();
    app.name = where.name;
    app.view = views[where.name](main, {failed, pollSoon});
    document.title = `${nav.querySelector('[aria-current]').textContent} · hecate`;
  }
  app.view.show(where);
  app.view.update(app.status);
}

// A view's request failed.
function failed(error) {
  if (error.status === 401) return showLogin();
  if (error.status === 0) return noAnswer();
  announce(error.message);
}

function noAnswer() {
  if (!app.lost) {
    app.lost = app.answeredAt ?? Date.now();
    announce('hecate does not answer');
  }
  showState();
}

function answered(status) {
  if (app.lost) announce('hecate answers again');
  app.lost = null;
  app.answeredAt = Date.now();
  app.status = status;
  setNow(status.time);
}

function showState() {
  const state = app.lost ? 'lost' : !app.status ? 'connecting' : app.status.ready ? 'live' : 'trouble';
  const text = {lost: 'No answer', connecting: 'Connecting', live: 'Live', trouble: 'Not ready'}[state];
  live.dataset.state = state;
  if (live.textContent !== text) live.textContent = text;
  live.title = app.status?.version ? `hecate ${app.status.version}` : '';
  const lines = [];
  if (app.lost)
    lines.push({key: 'lost', minute: Math.floor((Date.now() - app.lost) / 60000), since: new Date(app.lost).toISOString()});
  if (!app.lost && app.status && !app.status.ready) lines.push({key: 'trouble', why: app.status.why});
  if (!app.lost && app.status?.detections.reload_refused) lines.push({key: 'reload'});
  fill(notices, JSON.stringify(lines), () => lines.map(notice));
}

function notice(line) {
  if (line.key === 'lost') {
    const ago = line.minute > 0 ? ` (${span(line.minute * 60)})` : '';
    return h('p', {class: 'notice'}, h('strong', {}, 'hecate does not answer'), ' since ', shortTime(line.since), ago,
             app.status ? '. What you see is from before. ' : '. ', 'The page keeps trying; the log of hecate, or of what stands between, says why.');
  }
  if (line.key === 'trouble')
    return h('p', {class: 'notice'}, h('strong', {}, 'hecate cannot store: '), line.why, '. Senders are answered 503 and send again.');
  return h('p', {class: 'notice'}, h('strong', {}, 'The last reload was refused; the detections before it run on. '),
           h('a', {href: '#/detections'}, 'See why'));
}

async function poll() {
  if (app.asking || app.loggedOut) return;
  app.asking = true;
  clearTimeout(app.timer);
  let pause = POLL_MS;
  try {
    const first = !app.status;
    const rates = app.view?.wantsRates ? '?rates=1' : '';
    answered((await api.get('/api/status' + rates)).body);
    if (first) await open();
    else app.view?.update(app.status);
    showState();
    refreshRelative();
  } catch (error) {
    failed(error);
    pause = RETRY_MS;
  } finally {
    app.asking = false;
  }
  if (!document.hidden && !app.loggedOut) app.timer = setTimeout(poll, pause);
}

function pollSoon() {
  clearTimeout(app.timer);
  poll();
}

// The daemon may be asked: the views come.
async function open() {
  nav.hidden = false;
  const session = await api.session();
  logout.hidden = !session.required;
  showRoute();
}

async function showLogin() {
  app.loggedOut = true;
  clearTimeout(app.timer);
  app.view?.leave?.();
  app.view = app.name = app.status = null;
  nav.hidden = logout.hidden = true;
  live.dataset.state = 'connecting';
  live.textContent = 'Not logged in';
  notices.filledText = null;
  notices.replaceChildren();
  main.replaceChildren();
  const session = await api.session().catch(() => ({token_configured: true}));
  main.replaceChildren(session.token_configured ? loginForm() : tokenMissing());
  main.querySelector('input')?.focus();
}

function tokenMissing() {
  return h('div', {class: 'empty'}, h('h2', {}, 'Nobody can log in yet'),
           h('p', {}, 'This port is open to other machines, so what it shows wants a token, and none is configured. Set one and restart hecate:'),
           h('pre', {}, 'admin:\n  token: ${HECATE_ADMIN_TOKEN}'),
           h('p', {}, h('code', {}, 'hecate token --plain'), ' makes one.'));
}

function loginForm() {
  const input = h('input', {type: 'password', name: 'token', autocomplete: 'current-password', required: true, id: 'token', 'aria-describedby': 'login-error'});
  const error = h('p', {class: 'error', id: 'login-error', role: 'alert'});
  const button = h('button', {class: 'primary', type: 'submit'}, 'Log in');
  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    try {
      await api.logIn(input.value);
      app.loggedOut = false;
      input.value = '';
      poll();
    } catch (refused) {
      error.textContent = refused.message[0].toUpperCase() + refused.message.slice(1) + '.';
      button.disabled = false;
      input.select();
    }
  }
  return h('form', {class: 'login panel', onsubmit: submit}, h('h1', {}, 'Log in to hecate'),
           h('p', {class: 'soft'}, 'With the token of ', h('code', {}, 'admin.token'), '. The login lasts twelve hours.'),
           h('label', {for: 'token'}, 'Token', input), error, button);
}

logout.addEventListener('click', async () => {
  await api.logOut().catch(failed);
  showLogin();
});
window.addEventListener('hashchange', showRoute);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) pollSoon();
});
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
poll();
