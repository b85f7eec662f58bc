// Runs Open Stage Control's module with what it finds there: presses every button of a session, and plays the daemon's answers.
// node surface_module.js MODULE SESSION ANSWERS; prints one JSON object.

const fs = require('fs')
const vm = require('vm')

const [modulePath, sessionPath, answersPath] = process.argv.slice(2)
const sent = []
const shown = []
const context = {
    module: { exports: {} },
    settings: { read: () => ['127.0.0.1:17862'] },
    send: (host, port, address, ...args) => sent.push({ host, port, address, args }),
    receive: (address, ...args) => shown.push({ address, args }),
    setInterval: (repeated, delay) => ({ repeated, delay }),
    clearInterval: () => {},
}
vm.runInNewContext(fs.readFileSync(modulePath, 'utf8'), context)
const surface = context.module.exports
surface.init()
const greetings = sent.splice(0)

// What the program makes of a press: the arguments of the widget, and its value behind them.
function pressed(widget, value) {
    const args = [...widget.preArgs, value].map((item) => ({ type: typeof item === 'string' ? 's' : 'f', value: item }))
    return surface.oscOutFilter({ address: widget.address, args, host: '127.0.0.1', port: 17862 })
}

const widgets = JSON.parse(fs.readFileSync(sessionPath, 'utf8')).content.widgets
const rounds = [{}, { strength: 0.25, takes: 4, loop: 1, match: 1 }, { context: 1 }].map((held) => {
    const passed = widgets.filter((widget) => widget.id in held).map((widget) => pressed(widget, held[widget.id]))
    const asked = widgets
        .filter((widget) => widget.address.startsWith('/punchin/'))
        .map((widget) => ({ id: widget.id, ...pressed(widget, 1) }))
    return { passed: passed.filter((message) => message), asked }
})
const answers = JSON.parse(fs.readFileSync(answersPath, 'utf8'))
const left = answers.map((data) => surface.oscInFilter(data)).filter((data) => data)
console.log(JSON.stringify({ greetings, rounds, shown, left }))
