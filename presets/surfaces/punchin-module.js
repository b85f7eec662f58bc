// Open Stage Control's custom module for punchin.json: gives every request an id, keeps what faders and toggles hold,
// and shows what the daemon answers.
//
//   open-stage-control --load punchin.json --custom-module punchin-module.js --send 127.0.0.1:17862 --osc-port 17863

const DAEMON = (settings.read('send') || ['127.0.0.1:17862'])[0].split(':')
const RENEW_MILLISECONDS = 20000

const held = { strength: 0.5, takes: 1, loop: 0, match: 0, context: 0 }
let count = 0
let renewal

function requestId() {
    count += 1
    return { type: 's', value: `surface-${Date.now().toString(36)}-${count}` }
}

function typed(value) {
    return typeof value === 'string' ? { type: 's', value } : { type: 'f', value: Number(value) }
}

// Keys and values with what the other widgets hold in the place of $name.
function completed(values) {
    const args = []
    for (let place = 0; place + 1 < values.length; place += 2) {
        const [key, value] = [values[place], values[place + 1]]
        if (value === '$context') {
            args.push(typed('mode'), typed(held.context ? 'context' : 'solo'))
        } else if (value === '$match') {
            args.push(typed(key), typed(held.context ? 0 : held.match))
        } else if (typeof value === 'string' && value.startsWith('$')) {
            args.push(typed(key), typed(held[value.slice(1)]))
        } else {
            args.push(typed(key), typed(value))
        }
    }
    return args
}

function ask(address, ...values) {
    send(DAEMON[0], Number(DAEMON[1]), address, requestId(), ...values.map(typed))
}

// The daemon tells a surface what happens for as long as it hears of it once a minute.
function renew() {
    ask('/punchin/hello', 'client', 'open-stage-control', 'role', 'surface')
    ask('/punchin/subscribe')
}

function show(state, fraction) {
    receive('/surface/state', state)
    if (fraction !== undefined) {
        receive('/surface/progress', fraction)
    }
}

const told = {
    '/punchin/progress': (job, fraction, stage, left) =>
        show(left > 0 ? `${stage}, ${Math.round(left)} s left` : stage, fraction),
    '/punchin/done': () => show('done', 1),
    '/punchin/failed': (job, code, message) => show(message, 0),
    '/punchin/cancelled': () => show('cancelled', 0),
    '/punchin/rejected': (id, code, message) => show(message),
    '/punchin/playing': (job, take) => show(take ? `take ${take} plays` : 'the original plays'),
    '/punchin/stopped': (job, reason) => show(reason === 'device_lost' ? 'the sound device is gone' : ''),
}

module.exports = {
    init() {
        renew()
        renewal = setInterval(renew, RENEW_MILLISECONDS)
    },

    unload() {
        clearInterval(renewal)
    },

    oscOutFilter(data) {
        const values = data.args.map((argument) => argument.value)
        if (data.address.startsWith('/surface/')) {
            held[data.address.slice('/surface/'.length)] = values[values.length - 1]
            return undefined
        }
        // The last value is the button's own.
        return { ...data, args: [requestId(), ...completed(values.slice(0, -1))] }
    },

    oscInFilter(data) {
        const tell = told[data.address]
        if (tell) {
            tell(...data.args.map((argument) => argument.value))
            return undefined
        }
        return data
    },
}
