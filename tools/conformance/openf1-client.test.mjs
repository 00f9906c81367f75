// openf1-client 1.1.1 from npm: fetch, camelCase parameters.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { OpenF1Client } from 'openf1-client'

const { SITE } = process.env
const sessions = process.env.SESSIONS.split(',').map(Number)

const methods = {
  car_data: 'getCarData',
  drivers: 'getDrivers',
  intervals: 'getIntervals',
  laps: 'getLaps',
  location: 'getLocation',
  meetings: 'getMeetings',
  pit: 'getPit',
  position: 'getPosition',
  race_control: 'getRaceControl',
  sessions: 'getSessions',
  session_result: 'getSessionResults',
  starting_grid: 'getStartingGrid',
  stints: 'getStints',
  team_radio: 'getTeamRadio',
  weather: 'getWeather'
}

function client(options) {
  const made = new OpenF1Client(options)
  made.baseURL = `${SITE}/v1`
  return made
}

async function plain(path) {
  return (await fetch(`${SITE}/v1/${path}`)).json()
}

for (const sessionKey of sessions) {
  const [race] = await plain(`sessions?session_key=${sessionKey}`)
  const [{ driver_number: driverNumber }] = await plain(`laps?session_key=${sessionKey}&limit=1`)

  for (const [collection, method] of Object.entries(methods)) {
    test(`${method} gives the rows of session ${sessionKey}`, async () => {
      const ofMeeting = ['meetings', 'starting_grid'].includes(collection)
      const ofCar = ['car_data', 'location'].includes(collection)
      const query = ofMeeting ? { meetingKey: race.meeting_key } : ofCar ? { sessionKey, driverNumber } : { sessionKey }
      const path = ofMeeting
        ? `${collection}?meeting_key=${race.meeting_key}`
        : `${collection}?session_key=${sessionKey}${ofCar ? `&driver_number=${driverNumber}` : ''}`
      const rows = await plain(`${path}&empty=list`)
      if (rows.length) assert.deepEqual(await client()[method](query), rows)
      else await assert.rejects(client()[method](query), /\[404\]/)
    })
  }
}

test('every endpoint has rows somewhere', async () => {
  for (const collection of Object.keys(methods)) assert.equal((await plain(`${collection}?limit=1`)).length, 1)
})

test('names can be camel case', async () => {
  const [row] = await client({ camelize: true }).getLaps({ sessionKey: sessions[0], lapNumber: 2 })
  assert.equal(row.lapNumber, 2)
  assert.equal(row.sessionKey, sessions[0])
})

test('texts and latest are filters too', async () => {
  const races = await client().getSessions({ sessionName: 'Race' })
  assert.ok(races.length)
  assert.ok(races.every((session) => session.session_name === 'Race'))
  assert.equal((await client().getSessions({ sessionKey: 'latest' })).length, 1)
})

test('nothing found is an error with its status', async () => {
  await assert.rejects(client().getDrivers({ sessionKey: 1 }), /Error fetching data \[404\]/)
})
