//! Places for requests that are under way, and for open WebSockets: bounded in sum, for each route and for each client.
//!
//! Invariant: only requests under way are remembered, so the maps are as small as the bounds.
use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use super::limits;

/// All places of a kind.
#[derive(Debug)]
pub(super) struct Places {
    bounds: Bounds,
    taken: Mutex<Taken>,
}

/// How many there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    total: usize,
    route: usize,
    client: usize,
}

/// Places of requests.
pub(super) const REQUESTS: Bounds = Bounds {
    total: limits::MAX_REQUESTS,
    route: limits::MAX_REQUESTS_PER_ROUTE,
    client: limits::MAX_REQUESTS_PER_CLIENT,
};

/// Places of WebSockets.
pub(super) const SOCKETS: Bounds = Bounds {
    total: limits::MAX_SOCKETS,
    route: limits::MAX_SOCKETS_PER_ROUTE,
    client: limits::MAX_SOCKETS_PER_CLIENT,
};

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    routes: HashMap<String, usize>,
    clients: HashMap<IpAddr, usize>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    all: Arc<Places>,
    route: String,
    client: IpAddr,
}

impl Places {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            taken: Mutex::default(),
        }
    }

    /// A place for a request of a client for a route; `None` if there is none.
    pub(super) fn enter(self: &Arc<Self>, route: &str, client: IpAddr) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_route = taken.routes.get(route).copied().unwrap_or_default();
        let of_client = taken.clients.get(&client).copied().unwrap_or_default();
        if taken.total >= self.bounds.total
            || of_route >= self.bounds.route
            || of_client >= self.bounds.client
        {
            return None;
        }
        taken.total += 1;
        taken.routes.insert(route.to_owned(), of_route + 1);
        taken.clients.insert(client, of_client + 1);
        Some(Place {
            all: self.clone(),
            route: route.to_owned(),
            client,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.all.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total -= 1;
        leave(&mut taken.routes, &self.route);
        leave(&mut taken.clients, &self.client);
    }
}

fn leave<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn client(n: usize) -> IpAddr {
        Ipv4Addr::from(u32::try_from(n).expect("small")).into()
    }

    fn full(enter: impl Fn(usize) -> Option<Place>) -> usize {
        let places: Vec<_> = (0..10_000).map_while(enter).collect();
        places.len()
    }

    #[test]
    fn routes_clients_and_all_together_are_bounded() {
        let places = Arc::new(Places::new(REQUESTS));
        assert_eq!(
            full(|n| places.enter(&n.to_string(), client(0))),
            limits::MAX_REQUESTS_PER_CLIENT
        );
        assert_eq!(
            full(|n| places.enter("/a", client(n))),
            limits::MAX_REQUESTS_PER_ROUTE
        );
        assert_eq!(
            full(|n| places.enter(&n.to_string(), client(n))),
            limits::MAX_REQUESTS
        );
        let taken = places.taken.lock().expect("nobody panicked");
        assert_eq!(
            (taken.total, taken.routes.len(), taken.clients.len()),
            (0, 0, 0),
            "nothing is kept"
        );
    }
}
