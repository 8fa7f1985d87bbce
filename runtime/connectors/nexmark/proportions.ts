/** An epoch is 50 events: a person, three auctions, 46 bids. */
export const EPOCH = 50
/** Where auctions and bids begin in an epoch. */
export const AUCTIONS_FROM = 1
export const BIDS_FROM = 4
export const AUCTIONS = BIDS_FROM - AUCTIONS_FROM
/** 2015-07-15T00:00:00Z */
export const BASE_TIME = 1_436_918_400_000
export const FIRST_ID = 1000
export const FIRST_CATEGORY = 10
/** An auction lasts on average as long as this many events take. */
export const AUCTION_EVENTS = 1666
/** The first auction and the first two people of each hundred are "hot". */
export const HOT_DISTANCE = 100
export const ACTIVE_PEOPLE = 1000
/** Ids that do not exist yet are used, too. */
export const ID_LEAD = 10
