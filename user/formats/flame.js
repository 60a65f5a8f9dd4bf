/*
 * Draws the flame graph and answers mouse and keys. Positions are shares of all (0..1); a zoom is
 * only a window on them, and what would be thinner than THIN pixels is not drawn, so that the work
 * of a picture follows from its size and not from the data's.
 * SPDX-License-Identifier: BSD-2-Clause
 */
const $ = id => document.getElementById(id);
const ROW = 19, THIN = 0.3, TOP_ROWS = 200, ZOOM_MS = 140;

/* ---- Colours: the kind gives the hue, the module a stable shade of it ---- */
const HUES = { kernel: [22, 78], native: [211, 62], inlined: [188, 48], python: [96, 44], jit: [276, 48],
	unknown: [215, 6], process: [222, 12] };
const darkMode = matchMedia('(prefers-color-scheme: dark)');
let ink, colours;
function shade(s) {
	const [hue, strength] = HUES[data.kinds[symbolKind[s]]] || HUES.unknown;
	let h = 7;
	for (const c of data.modules[symbolModule[s]])
		h = Math.imul(h, 31) + c.codePointAt(0) | 0;
	h = Math.imul(h ^ h >>> 15, 0x2c1b3c6d);
	h = Math.imul(h ^ h >>> 12, 0x297a2d39);
	const a = (h >>> 8 & 15) / 15 - 0.5, b = (h >>> 16 & 7) / 7 - 0.5;
	const light = (darkMode.matches ? 33 : 76) + b * (darkMode.matches ? 9 : 10);
	return `hsl(${(hue + a * 34).toFixed(0)} ${strength}% ${light.toFixed(1)}%)`;
}
function paint() {
	const css = getComputedStyle(document.documentElement), dark = darkMode.matches;
	ink = { text: dark ? '#f1f4f8' : '#14181d', ground: css.getPropertyValue('--ground').trim(),
		rest: dark ? '#262b33' : '#e9ecf0', match: dark ? '#d0409a' : '#f59ad3', edge: dark ? '#ffffff' : '#000000' };
	colours = names.map((_, s) => s ? shade(s) : dark ? '#333a45' : '#d9dee5');
	$('legend').replaceChildren(...[...new Set(symbolKind.slice(1))].sort((a, b) => a - b).map(k => {
		const [hue, strength] = HUES[data.kinds[k]] || HUES.unknown;
		return element('li', {}, swatch(`hsl(${hue} ${strength}% ${dark ? 38 : 74}%)`), data.kinds[k]);
	}));
}
function element(tag, attributes, ...children) {
	const e = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes))
		e.setAttribute(name, value);
	e.append(...children);
	return e;
}
function swatch(colour) {
	const i = element('i', { 'aria-hidden': 'true' });
	i.style.background = colour;
	return i;
}

/* ---- State ---- */
const canvas = $('canvas'), pen = canvas.getContext('2d'), scroll = $('scroll');
let mode = 'flame', uninverted = 'flame', tree = context;
let zoomed = 0, selected = -1, hovered = -1;
let view = [0, 1], drawn = 0, lastDraw = 0, rows = [], pending = 0, motion = 0;
let matches = null, matchedValue = 0;
const nameWidth = new Float32Array(names.length);
const upward = () => mode === 'flame';

/* ---- Where a node stands: its share of all, [from, to] ---- */
function span(node) {
	const path = [];
	for (let i = node; i; i = tree.parent[i])
		path.push(i);
	let from = 0, parent = 0;
	while (path.length) {
		const next = path.pop();
		for (const c of tree.children(parent)) {
			if (c === next)
				break;
			from += tree.total[c];
		}
		parent = next;
	}
	return grand ? [from / grand, (from + tree.total[node]) / grand] : [0, 1];
}

/* ---- Drawing ---- */
function levels() {
	return Math.max(tree.levels(), 1);
}
function rowTop(depth) {
	const height = Math.max(levels() * ROW + 4, scroll.clientHeight);
	return (upward() ? height - (depth + 1) * ROW : depth * ROW) - scroll.scrollTop;
}
function fitted(s, room) {
	const text = shown[s].length > 400 ? shown[s].slice(0, 400) + '…' : shown[s];
	if (!nameWidth[s])
		nameWidth[s] = pen.measureText(text).width;
	if (nameWidth[s] <= room)
		return text;
	let n = Math.floor(text.length * room / nameWidth[s]);
	for (; n > 1; n--) {
		const cut = text.slice(0, n) + '…';
		if (pen.measureText(cut).width <= room)
			return cut;
	}
	return '';
}
function box(node, depth, left, right, width) {
	const x = Math.max(left, 0), w = Math.min(right, width) - x, y = rowTop(depth), s = tree.symbol[node];
	const hit = matches && matches[functionOf[s]] && s;
	pen.globalAlpha = depth < tree.depth[zoomed] ? 0.45 : matches && !hit ? 0.5 : 1;
	pen.fillStyle = hit ? ink.match : colours[s];
	pen.fillRect(x, y, w > 2.5 ? w - 0.7 : w, ROW - 1);
	if (node === selected || node === hovered) {
		pen.globalAlpha = node === selected ? 0.9 : 0.35;
		pen.strokeStyle = ink.edge;
		pen.lineWidth = node === selected ? 1.5 : 1;
		pen.strokeRect(x + 0.75, y + 0.75, Math.max(w - 2.2, 0.5), ROW - 2.5);
	}
	if (w > 28) {
		pen.globalAlpha = depth < tree.depth[zoomed] ? 0.7 : 1;
		pen.fillStyle = ink.text;
		const text = fitted(s, w - 9);
		if (text)
			pen.fillText(text, x + 4, y + ROW / 2);
	}
	drawn++;
}
/* Walks what the window shows. Children are sorted by size: the first thin one ends the row, and
 * what is left of it is drawn as one block, so that it does not look like time of the caller. */
function walk(width) {
	const scale = width / (view[1] - view[0]), stack = [[0, 0]];
	rows = [];
	while (stack.length) {
		const [node, from] = stack.pop(), depth = tree.depth[node];
		const left = (from / grand - view[0]) * scale, right = left + tree.total[node] / grand * scale;
		const y = rowTop(depth);
		if (y > -ROW && y < scroll.clientHeight) {
			box(node, depth, left, right, width);
			(rows[depth] ||= []).push([left, right, node]);
		}
		let at = from, rest = tree.total[node] - tree.self[node];
		for (const c of tree.children(node)) {
			const w = tree.total[c] / grand * scale, x = (at / grand - view[0]) * scale;
			if (w < THIN)
				break;
			if (x + w > 0 && x < width)
				stack.push([c, at]);
			at += tree.total[c];
			rest -= tree.total[c];
		}
		restBlock(depth + 1, (at / grand - view[0]) * scale, rest / grand * scale, width);
	}
}
function restBlock(depth, left, w, width) {
	const y = rowTop(depth), x = Math.max(left, 0), right = Math.min(left + w, width);
	if (w < 0.5 || right <= x || y <= -ROW || y >= scroll.clientHeight)
		return;
	pen.globalAlpha = 1;
	pen.fillStyle = ink.rest;
	pen.fillRect(x, y, right - x, ROW - 1);
	drawn++;
}
function draw() {
	const begun = performance.now(), ratio = window.devicePixelRatio || 1;
	const width = scroll.clientWidth, height = scroll.clientHeight;
	pending = 0;
	if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
		canvas.width = Math.round(width * ratio);
		canvas.height = Math.round(height * ratio);
		canvas.style.width = width + 'px';
		canvas.style.height = height + 'px';
	}
	pen.setTransform(ratio, 0, 0, ratio, 0, 0);
	pen.globalAlpha = 1;
	pen.fillStyle = ink.ground;
	pen.fillRect(0, 0, width, height);
	pen.font = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif';
	pen.textBaseline = 'middle';
	drawn = 0;
	rows = [];
	const before = levels();
	if (grand > 0) {
		walk(width);
	} else {
		pen.fillStyle = ink.text;
		pen.fillText('No samples of this kind were taken.', 8, 24);
	}
	lastDraw = performance.now() - begun;
	if (levels() !== before)
		fitHeight();
}
function redraw() {
	pending ||= requestAnimationFrame(draw);
}
/* Gives the scroll area the height of the tree; a flame stays anchored at its root. */
function fitHeight() {
	const bottom = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
	$('rows').style.height = levels() * ROW + 4 + 'px';
	if (upward())
		scroll.scrollTop = scroll.scrollHeight - scroll.clientHeight - bottom;
	redraw();
}
function reveal(node) {
	const y = rowTop(tree.depth[node]);
	if (y < 0)
		scroll.scrollTop += y - ROW;
	else if (y + ROW > scroll.clientHeight)
		scroll.scrollTop += y + 2 * ROW - scroll.clientHeight;
}

/* ---- Zoom ---- */
function moveTo(target) {
	const from = view, begun = performance.now(), id = ++motion;
	const still = matchMedia('(prefers-reduced-motion: reduce)').matches || document.hidden;
	const step = now => {
		if (id !== motion)
			return;
		const t = still ? 1 : Math.min((now - begun) / ZOOM_MS, 1), ease = 1 - (1 - t) ** 3;
		view = t >= 1 ? target : [from[0] + (target[0] - from[0]) * ease, from[1] + (target[1] - from[1]) * ease];
		draw();
		if (t < 1)
			requestAnimationFrame(step);
	};
	step(begun);
}
function zoom(node, instantly) {
	if (!(node >= 0 && node < tree.size()) || !tree.total[node])
		return;
	zoomed = node;
	if (instantly) {
		motion++;
		view = span(node);
		draw();
	} else {
		moveTo(span(node));
	}
	$('reset').disabled = !node;
	reveal(node);
	breadcrumb();
	describe();
}
function breadcrumb() {
	const path = [];
	for (let i = zoomed; i; i = tree.parent[i])
		path.unshift(i);
	const parts = [0, ...path], long = parts.length > 7;
	const kept = long ? [...parts.slice(0, 2), -1, ...parts.slice(-4)] : parts;
	$('path').replaceChildren(...kept.flatMap((i, at) => {
		if (i < 0)
			return [`› … ${parts.length - 6} more `];
		const text = shown[tree.symbol[i]].slice(0, 200);
		if (at === kept.length - 1)
			return [at ? '›' : '', element('strong', { 'aria-current': 'location' },
				i ? text : 'all' ), element('span', {}, cost(tree.total[i], tree.count[i]) +
				(i ? ' · ' + percent(tree.total[i], grand) + ' of all' : ''))];
		const button = element('button', { title: 'Zoom to ' + text }, text);
		button.onclick = () => zoom(i);
		return [at ? '›' : '', button];
	}));
}
function setMode(next) {
	if (next === mode)
		return;
	const other = next === 'inverted' || mode === 'inverted';
	if (next !== 'inverted')
		uninverted = next;
	mode = next;
	for (const m of ['flame', 'icicle', 'inverted'])
		$(m).setAttribute('aria-pressed', String(m === mode));
	if (other) {
		tree = mode === 'inverted' ? reversed ||= reversedTree(context) : context;
		selected = hovered = -1;
		zoom(0, true);
	}
	$('rows').style.height = levels() * ROW + 4 + 'px';
	scroll.scrollTop = upward() ? scroll.scrollHeight : 0;
	if (selected >= 0)
		reveal(selected);
	draw();
	describe();
}
const invert = () => setMode(mode === 'inverted' ? uninverted : 'inverted');

/* ---- Words about a node ---- */
function describe() {
	const node = hovered >= 0 ? hovered : selected >= 0 ? selected : zoomed, s = tree.symbol[node];
	const share = percent(tree.total[node], grand) + ' of all';
	const ofZoom = zoomed && node !== zoomed && tree.depth[node] > tree.depth[zoomed] ?
		' (' + percent(tree.total[node], tree.total[zoomed]) + ' of the zoomed)' : '';
	const self = mode === 'inverted' ? '' :
		` · self ${percent(tree.self[node], grand)} (${cost(tree.self[node], tree.selfCount[node])})`;
	$('detail').replaceChildren(element('div', {}, element('bdi', {}, shown[s].slice(0, 400)), ' ',
		element('span', { class: 'quiet' }, where(s))),
	element('div', { class: 'quiet' }, `total ${share}${ofZoom} (${cost(tree.total[node], tree.count[node])})${self}`));
}
function where(s) {
	if (!s)
		return '';
	return data.kinds[symbolKind[s]] + (symbolModule[s] ? ' · ' + moduleOf(s).slice(0, 200) : '');
}
function tip(x, y) {
	const t = $('tip'), node = hovered;
	if (node < 0) {
		t.style.visibility = 'hidden';
		return;
	}
	const s = tree.symbol[node], line = (what, v, n) => element('tr', {}, element('td', {}, what),
		element('td', {}, percent(v, grand)), element('td', {}, cost(v, n)));
	const lines = [line('total', tree.total[node], tree.count[node])];
	if (mode !== 'inverted')
		lines.push(line('self', tree.self[node], tree.selfCount[node]));
	if (s && symbolKind[s] !== PROCESS) {
		const f = functionOf[s];
		lines.push(element('tr', {}, element('td', {}, 'everywhere'), element('td', {}, percent(functionTotal[f], grand)),
			element('td', {}, 'self ' + percent(functionSelf[f], grand))));
	}
	t.replaceChildren(element('strong', {}, element('bdi', {}, shown[s])),
		element('span', { class: 'quiet' }, where(s)), element('table', {}, ...lines));
	const size = t.getBoundingClientRect();
	t.style.left = Math.max(4, Math.min(x + 14, innerWidth - size.width - 8)) + 'px';
	t.style.top = (y + 18 + size.height > innerHeight ? Math.max(4, y - size.height - 12) : y + 18) + 'px';
	t.style.visibility = 'visible';
}

/* ---- Search: matches text or a regular expression; its share is that of all stacks with a match ---- */
function search(text) {
	const input = $('search');
	if (input.value !== text)
		input.value = text;
	let expression = null;
	const plain = text.toLowerCase();
	try {
		expression = text ? new RegExp(text, 'i') : null;
	} catch (e) {
		expression = null; /* then it is only looked for as text */
	}
	matches = text ? Uint8Array.from(functions, s => s && (names[s].toLowerCase().includes(plain) ||
		expression && expression.test(names[s])) ? 1 : 0) : null;
	let value = 0, count = 0;
	if (matches) {
		const inside = new Uint8Array(context.parent.length);
		for (let i = 1; i < inside.length; i++) {
			inside[i] = inside[context.parent[i]] | matches[functionOf[context.symbol[i]]];
			if (inside[i]) {
				value += context.self[i];
				count += context.selfCount[i];
			}
		}
	}
	matchedValue = value;
	$('matched').textContent = matches ? `${percent(value, grand)} matched · ${samples(count)}` : '';
	redraw();
	topTable();
	return grand ? value / grand : 0;
}

/* ---- Top functions ---- */
let order = 'self';
function topTable() {
	const weigh = order === 'total' ? functionTotal : functionSelf, other = order === 'total' ? functionSelf : functionTotal;
	let list = [...functions.keys()].filter(f => functions[f] && symbolKind[functions[f]] !== PROCESS &&
		(!matches || matches[f]));
	if (order === 'name')
		list.sort((a, b) => shown[functions[a]] < shown[functions[b]] ? -1 : 1);
	else
		list.sort((a, b) => weigh[b] - weigh[a] || other[b] - other[a] || a - b);
	const more = list.length - TOP_ROWS;
	$('top').replaceChildren(...list.slice(0, TOP_ROWS).map(f => {
		const s = functions[f], cell = v => {
			const td = element('td', { class: 'bar', title: countsOnly ? whole.format(v) + ' samples' : amount(v) }, percent(v, grand));
			td.style.setProperty('--part', (grand ? 100 * v / grand : 0).toFixed(2) + '%');
			return td;
		};
		const button = element('button', { title: shown[s].slice(0, 400) + '\n' + where(s) }, swatch(colours[s]),
			element('bdi', {}, shown[s].slice(0, 200)),
			element('span', { class: 'quiet' }, symbolModule[s] ? baseOf(moduleOf(s)).slice(0, 80) : ''));
		button.onclick = () => search('^' + names[s].replace(/[.*+?^${}()|[\]\\]/g, '\\$&') + '$');
		return element('tr', {}, cell(functionSelf[f]), cell(functionTotal[f]), element('td', {}, button));
	}));
	$('more').textContent = more > 0 ? `and ${whole.format(more)} more; search to find them` :
		list.length ? '' : 'no function matches';
}
document.querySelectorAll('[data-sort]').forEach(button => button.onclick = () => {
	order = button.dataset.sort;
	document.querySelectorAll('th').forEach(th => th.setAttribute('aria-sort',
		th.contains(button) ? order === 'name' ? 'ascending' : 'descending' : 'none'));
	topTable();
});

/* ---- Header ---- */
function header() {
	const parts = [], say = (text, warn, title) =>
		parts.push(parts.length ? ' · ' : '', element('span', { class: warn ? 'warn' : '', title: title || '' }, text));
	$('title').textContent = data.title.replace(SPOOF, '\ufffd');
	if (data.target !== data.title)
		say(data.target.replace(SPOOF, '\ufffd'));
	say(data.kind.replace(/_/g, '-').replace('on-cpu', 'on-CPU'));
	if (data.seconds)
		say(data.seconds.toFixed(1) + ' s');
	say(samples(data.samples) + (data.rate_hz ? ' at ' + Math.round(data.rate_hz) + ' Hz' : ''));
	if (data.samples && data.samples < 100)
		say('too few for exact shares', true);
	if (!data.counts_only)
		say((100 * data.whole).toFixed(1) + ' % of stacks whole', data.whole < 0.9);
	say((100 * data.named).toFixed(1) + ' % of frames named', data.named < 0.8);
	if (!data.counts_only)
		say(whole.format(data.lost) + ' lost', data.lost > 0, data.losses.join('\n'));
	$('about').replaceChildren(...parts);
}

/* ---- Mouse ---- */
function nodeAt(event) {
	const at = canvas.getBoundingClientRect(), x = event.clientX - at.left, y = event.clientY - at.top;
	for (const d in rows)
		if (y >= rowTop(+d) && y < rowTop(+d) + ROW)
			for (const [left, right, node] of rows[d])
				if (x >= left && x < right)
					return node;
	return -1;
}
canvas.onmousemove = e => {
	const node = nodeAt(e);
	if (node !== hovered) {
		hovered = node;
		canvas.style.cursor = node >= 0 ? 'pointer' : 'default';
		redraw();
		describe();
	}
	tip(e.clientX, e.clientY);
};
canvas.onmouseleave = () => {
	hovered = -1;
	tip(0, 0);
	redraw();
	describe();
};
canvas.onclick = e => {
	const node = nodeAt(e);
	if (node < 0)
		return;
	selected = node;
	zoom(node);
};

/* ---- Keys ---- */
function select(node) {
	selected = node;
	hovered = -1;
	tip(0, 0);
	reveal(node);
	redraw();
	describe();
}
/* dx: to the neighbour; out: +1 away from the root, -1 towards it. */
function step(dx, out) {
	if (selected < 0)
		return select(zoomed);
	const wide = c => tree.total[c] / grand / (view[1] - view[0]) * scroll.clientWidth >= THIN;
	if (out > 0) {
		const first = tree.children(selected)[0];
		return first !== undefined && wide(first) ? select(first) : undefined;
	}
	if (out < 0)
		return select(selected ? tree.parent[selected] : 0);
	const siblings = [...tree.children(tree.parent[selected])].filter(wide);
	const at = siblings.indexOf(selected) + dx;
	if (selected && at >= 0 && at < siblings.length)
		select(siblings[at]);
}
const keys = {
	'/': () => { $('search').focus(); $('search').select(); },
	Escape: () => $('search').value ? search('') : zoom(0),
	ArrowLeft: () => step(-1, 0),
	ArrowRight: () => step(1, 0),
	ArrowUp: () => step(0, upward() ? 1 : -1),
	ArrowDown: () => step(0, upward() ? -1 : 1),
	Enter: () => selected >= 0 && zoom(selected),
	i: invert,
	r: () => zoom(0),
	'?': () => $('keys').showModal(),
};
document.addEventListener('keydown', e => {
	if (e.ctrlKey || e.metaKey || e.altKey || $('keys').open)
		return;
	if (e.target === $('search')) {
		if (e.key === 'Escape' || e.key === 'Enter') {
			if (e.key === 'Escape')
				search('');
			canvas.focus();
			e.preventDefault();
		}
		return;
	}
	if (e.key === 'Enter' && e.target.tagName === 'BUTTON' || e.key.startsWith('Arrow') && $('side').contains(e.target))
		return; /* theirs: press, scroll */
	if (Object.hasOwn(keys, e.key)) {
		e.preventDefault();
		keys[e.key]();
	}
});

/* ---- Start ---- */
for (const m of ['flame', 'icicle', 'inverted'])
	$(m).onclick = () => setMode(m);
$('reset').onclick = () => zoom(0);
$('help').onclick = keys['?'];
$('search').oninput = e => search(e.target.value);
scroll.onscroll = () => { hovered = -1; tip(0, 0); redraw(); };
darkMode.onchange = () => { paint(); topTable(); redraw(); };
new ResizeObserver(() => { fitHeight(); draw(); }).observe(scroll);
paint();
header();
topTable();
$('rows').style.height = levels() * ROW + 4 + 'px';
scroll.scrollTop = upward() ? scroll.scrollHeight : 0;
zoom(0, true);

/* For tests and for the console. Node numbers are those of the tree on show. */
window.assayFlame = {
	nodes: context.parent.length,
	name: node => shown[tree.symbol[node]],
	total: node => tree.total[node],
	self: node => tree.self[node],
	children: node => [...tree.children(node)],
	find: name => { for (let i = 1; i < tree.size(); i++) if (names[tree.symbol[i]] === name) return i; return -1; },
	functionTotal: name => functions.reduce((sum, s, f) => sum + (names[s] === name ? functionTotal[f] : 0), 0),
	zoom: node => zoom(node, true),
	zoomed: () => zoomed,
	selected: () => selected,
	mode: () => mode,
	setMode, search, invert,
	drawMs: () => { draw(); return lastDraw; },
	drawn: () => { draw(); return drawn; },
	view: () => view.slice(),
};
