// SPDX-License-Identifier: MIT
// What programs for node do with dockerode, against the daemon of DOCKER_HOST, which has an image bb.
// apid-dockerode.js CHAPTER: one of the functions below.
"use strict";
const assert = require("assert");
const { PassThrough } = require("stream");
const Docker = require("dockerode");

const docker = new Docker({ socketPath: process.env.DOCKER_HOST.replace("unix://", "") });

// All that comes, as text.
async function text(stream) {
	const parts = [];
	for await (const part of stream)
		parts.push(part);
	return Buffer.concat(parts).toString();
}

async function failing(promise, status, words) {
	await assert.rejects(promise, (e) => e.statusCode === status && e.json.message.includes(words));
}

const chapters = {
	async system() {
		assert.strictEqual((await docker.ping()).toString(), "OK");
		assert.strictEqual((await docker.version()).ApiVersion, "1.41");
		assert.strictEqual((await docker.info()).Images, 1);
		assert.deepStrictEqual((await docker.listImages())[0].RepoTags, ["bb:latest"]);
		await failing(docker.getContainer("none").inspect(), 404, "No such container: none");
		await failing(docker.createContainer({ Image: "none" }), 404, "No such image: none:latest");
	},

	// Input and both outputs through one connection that was HTTP.
	async attach() {
		const box = await docker.createContainer({
			Image: "bb", Cmd: ["sh", "-c", "cat; echo done >&2; exit 3"],
			OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true, AttachStderr: true,
		});
		const stream = await box.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true });
		const out = new PassThrough(), err = new PassThrough();
		docker.modem.demuxStream(stream, out, err);
		stream.on("end", () => { out.end(); err.end(); });
		const ended = box.wait({ condition: "next-exit" });
		await box.start();
		const lines = Array.from({ length: 20000 }, (_, i) => `line ${i}\n`).join("");
		stream.write(lines);
		stream.end();
		const [o, e] = await Promise.all([text(out), text(err)]);
		assert.strictEqual(o, lines);
		assert.strictEqual(e, "done\n");
		assert.strictEqual((await ended).StatusCode, 3);
		await box.remove();
	},

	async run() {
		const out = new PassThrough(), heard = text(out);
		const [data, box] = await docker.run("bb", ["sh", "-c", "echo hello; exit 4"], out, { Tty: true });
		assert.strictEqual(data.StatusCode, 4);
		assert.strictEqual(await heard, "hello\r\n");
		await box.remove();
	},

	async exec() {
		const box = await docker.createContainer({ Image: "bb", name: "box", Cmd: ["sleep", "1000"], HostConfig: { Init: true } });
		await box.start();
		const exec = await box.exec({ Cmd: ["tr", "a-z", "A-Z"], AttachStdin: true, AttachStdout: true, AttachStderr: true });
		const stream = await exec.start({ hijack: true, stdin: true });
		const out = new PassThrough();
		docker.modem.demuxStream(stream, out, out);
		stream.on("end", () => out.end());
		stream.end("shout\n");
		assert.strictEqual(await text(out), "SHOUT\n");
		const seen = await exec.inspect();
		assert.strictEqual(seen.Running, false);
		assert.strictEqual(seen.ExitCode, 0);
		const stats = await box.stats({ stream: false });
		assert.ok(stats.cpu_stats.cpu_usage.total_usage > 0 && stats.memory_stats.usage > 0);
		await box.rename({ name: "other" });
		assert.strictEqual((await docker.listContainers({ filters: { name: ["other"] } }))[0].Id, box.id);
		await box.stop({ t: 5 });
		await box.remove({ v: true });
	},

	async follow() {
		const events = await docker.getEvents({ filters: { type: ["container"] } });
		const box = await docker.createContainer({ Image: "bb", Tty: true, Cmd: ["sh", "-c", "echo one; sleep 0.3; echo two"] });
		const seen = [];
		const destroyed = (async () => {
			let rest = "";
			for await (const part of events) {
				const lines = (rest + part).split("\n");
				rest = lines.pop();
				seen.push(...lines.map((l) => JSON.parse(l).Action));
				if (seen.includes("destroy"))
					return;
			}
		})();
		await box.start();
		assert.strictEqual(await text(await box.logs({ follow: true, stdout: true, stderr: true })), "one\r\ntwo\r\n");
		await box.wait();
		await box.remove();
		await destroyed;
		assert.deepStrictEqual(seen.filter((a) => /^(start|die|destroy)$/.test(a)), ["start", "die", "destroy"]);
	},

	async archive() {
		const box = await docker.createContainer({ Image: "bb", Cmd: ["true"] });
		const there = await text(await box.getArchive({ path: "/etc/passwd" }));
		assert.ok(there.startsWith("passwd") && there.includes("root:"));
		await box.putArchive(await box.getArchive({ path: "/etc/passwd" }), { path: "/tmp" });
		const copy = await text(await box.getArchive({ path: "/tmp/passwd" }));
		assert.strictEqual(copy.slice(512), there.slice(512));
		await box.remove();
		const saved = await docker.getImage("bb").get();
		const loaded = await docker.loadImage(saved);
		assert.ok((await text(loaded)).includes("Loaded image: bb:latest"));
	},

	async network() {
		const net = await docker.createNetwork({ Name: "inner" });
		const boxes = [];
		for (const name of ["one", "two"]) {
			const box = await docker.createContainer({
				Image: "bb", name, Cmd: ["sleep", "1000"], HostConfig: { NetworkMode: "inner", Init: true, Binds: ["vol:/v"] },
			});
			await box.start();
			boxes.push(box);
		}
		const exec = await boxes[0].exec({ Cmd: ["ping", "-c1", "-W5", "two"], AttachStdout: true });
		await text(await exec.start());
		assert.strictEqual((await exec.inspect()).ExitCode, 0);
		assert.deepStrictEqual(Object.values((await net.inspect()).Containers).map((c) => c.Name).sort(), ["one", "two"]);
		await failing(docker.getVolume("vol").remove(), 409, "volume is in use");
		await Promise.all(boxes.map((b) => b.remove({ force: true })));
		await net.remove();
		await docker.getVolume("vol").remove();
	},
};

chapters[process.argv[2]]().then(() => process.exit(0), (e) => {
	console.error(e);
	process.exit(1);
});
