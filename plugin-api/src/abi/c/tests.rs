//! The mirrors are what they mirror, and roots from elsewhere are looked at before they are followed.
use super::{
    super::{SinkObj, sink_pair},
    layout::{ContextOf, FutureOf, Slice, Tagged, Vector},
    *,
};
use crate::abi::{Fut, Level, Reply};
use abi_stable::std_types::{RErr, ROk, ROption, RSome, RStr, RVec};
use async_ffi::{ContextExt, FfiPoll, FutureExt};
use std::{
    mem::{self, ManuallyDrop},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Wake, Waker},
};

#[test]
fn a_vector_is_its_mirror_and_can_be_freed_through_it() {
    let bytes = RVec::from(vec![1_u8, 2, 3]);
    // SAFETY: that these are the same to the byte is what this test shows, under Miri too.
    let mut mirror = unsafe { mem::transmute::<RVec<u8>, Vector>(bytes) };
    assert_eq!((mirror.len, mirror.capacity), (3, 3));
    // SAFETY: as above; `destroy` is the last use.
    unsafe {
        assert_eq!(*mirror.data.add(2), 3);
        assert_eq!((*mirror.vt).present, 0b1111);
        ((*mirror.vt).grow)(&mut mirror, 100, 1);
        assert!(mirror.capacity >= 100 && mirror.len == 3);
        ((*mirror.vt).shrink)(&mut mirror);
        assert_ne!(
            ((*mirror.vt).type_id)(),
            abi_stable::std_types::UTypeId::new::<u8>()
        );
        ((*mirror.vt).destroy)(&mut mirror);
    }
}

#[test]
fn strings_and_tags_are_where_the_header_says() {
    let text = RStr::from("text");
    // SAFETY: as above.
    let slice = unsafe { mem::transmute::<RStr<'_>, Slice>(text) };
    assert_eq!((slice.data, slice.len), (text.as_ptr(), 4));
    fn tag<T>(value: T) -> u8 {
        let value = ManuallyDrop::new(value);
        // SAFETY: every one of these enums begins with its tag.
        unsafe { (&raw const value).cast::<u8>().read() }
    }
    let expected = |name| {
        TAGS.iter()
            .find(|tag| tag.0 == name)
            .expect("it is in the table")
            .1
    };
    assert_eq!(tag(RSome(1_u64)), expected("OC_SOME"));
    assert_eq!(tag(ROption::<u64>::RNone), expected("OC_NONE"));
    assert_eq!(tag(Reply::ROk(RVec::new())), expected("OC_OK"));
    assert_eq!(tag(Reply::RErr(Fault::new("", ""))), expected("OC_ERR"));
    assert_eq!(tag(FfiPoll::Ready(true)), expected("OC_READY"));
    assert_eq!(tag(FfiPoll::<bool>::Pending), expected("OC_PENDING"));
    assert_eq!(tag(FfiPoll::<bool>::Panicked), expected("OC_PANICKED"));
    assert_eq!(Level::Error as u8, expected("OC_ERROR"));
    assert_eq!(Level::Trace as u8, expected("OC_TRACE"));
}

#[test]
fn payloads_are_where_the_header_says() {
    let (sink, _chunks) = sink_pair(1);
    let object = sink.into_object();
    let this = object.this.0;
    // SAFETY: as above.
    let some = unsafe { mem::transmute::<ROption<SinkObj>, Tagged<ManuallyDrop<SinkObj>>>(RSome(object)) };
    assert_eq!((some.tag, some.value.this.0), (0, this));
    drop(ManuallyDrop::into_inner(some.value));
    let reply = FfiPoll::Ready(ROk::<RVec<u8>, Fault>(vec![7_u8].into()));
    // SAFETY: as above; the rest of the payload is not read.
    let reply =
        unsafe { mem::transmute::<FfiPoll<Reply>, Tagged<Tagged<ManuallyDrop<[RVec<u8>; 3]>>>>(reply) };
    assert_eq!(
        (reply.tag, reply.value.tag, reply.value.value[0].as_slice()),
        (0, 0, [7].as_slice())
    );
    let [bytes, ..] = &*reply.value.value;
    // SAFETY: the only owner of the bytes.
    drop(unsafe { std::ptr::read(bytes) });
}

#[test]
fn a_future_and_its_waker_are_their_mirrors() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let future: Fut<()> = async {}.into_ffi();
    // SAFETY: as above.
    let mirror = unsafe { mem::transmute::<Fut<()>, FutureOf<FfiPoll<()>>>(future) };
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(count.clone());
    Context::from_waker(&waker).with_ffi_context(|context| {
        let context: *mut ContextOf = (&raw mut *context).cast();
        // SAFETY: as above.
        unsafe {
            assert!(matches!((mirror.poll)(mirror.state, context), FfiPoll::Ready(())));
            let borrowed = (*context).waker;
            ((*(*borrowed).vt).wake_by_ref)(borrowed);
            let owned = ((*(*borrowed).vt).clone)(borrowed);
            ((*(*owned).vt).wake)(owned);
            let owned = ((*(*borrowed).vt).clone)(borrowed);
            ((*(*owned).vt).drop)(owned);
        }
    });
    // SAFETY: the last use of the future.
    unsafe { (mirror.drop)(mirror.state) };
    assert_eq!(count.0.load(Ordering::SeqCst), 2);
}

unsafe extern "C" fn refuse(_: CreateArgs<'_>) -> RResult<Created, Fault> {
    RErr(Fault::new("unsupported", "never"))
}

fn good() -> CRoot {
    let text = "{}";
    CRoot {
        magic: *MAGIC,
        size: size_of::<CRoot>(),
        abi_hash: HASH,
        manifest: text.as_ptr(),
        manifest_len: text.len(),
        create: Some(refuse),
    }
}

#[test]
fn a_good_root_is_taken_and_every_other_is_refused() {
    // SAFETY: a root as the header asks for.
    let root = unsafe { RootHandle::from_c(&good()) }.expect("good");
    assert_eq!(root.manifest(), "{}");
    let larger = CRoot {
        size: size_of::<CRoot>() + 8,
        ..good()
    };
    // SAFETY: what it has more is not read.
    assert!(unsafe { RootHandle::from_c(&larger) }.is_ok(), "roots may grow");
    let cases = [
        (
            CRoot {
                magic: [0; 16],
                ..good()
            },
            CRootError::Magic,
        ),
        (CRoot { size: 16, ..good() }, CRootError::Size(16)),
        (
            CRoot {
                abi_hash: *b"0123456789abcdef",
                ..good()
            },
            CRootError::Hash("0123456789abcdef".into()),
        ),
        (
            CRoot {
                manifest: std::ptr::null(),
                ..good()
            },
            CRootError::Null("manifest"),
        ),
        (
            CRoot {
                manifest: b"\xff\xff".as_ptr(),
                ..good()
            },
            CRootError::Manifest,
        ),
        (
            CRoot {
                manifest_len: usize::MAX,
                ..good()
            },
            CRootError::Manifest,
        ),
        (
            CRoot {
                create: None,
                ..good()
            },
            CRootError::Null("create"),
        ),
    ];
    for (root, error) in cases {
        // SAFETY: refusing them before they are followed is what is tested.
        assert_eq!(unsafe { RootHandle::from_c(&root) }.expect_err("refused"), error);
    }
}

/// The hash on 64-bit targets. It is in every C plugin: a change here refuses them all, so it is a new major version.
#[cfg(target_pointer_width = "64")]
#[test]
fn the_hash_is_frozen() {
    assert_eq!(ABI_HASH, "1136f1cc77b04d10");
}
