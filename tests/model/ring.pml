/* model/ring.pml - one inbox and N nodes: is the device told of every message, by the quick rules alone?
 *
 * Nodes commit, are home to the user, and are the edge where the device is: each of them all three. Who is home, the
 * table says, and every node has its own version of it. A node dies at any step and comes back under its id with a
 * new incarnation, or never (GONE). Anti-entropy is left out: whatever it would heal counts as an error here.
 * delivery.pml has what is left out: several senders' order, dense places, timelines, push, anti-entropy itself.
 *
 * What is merged, and why nothing is missed by it:
 * - A request stands in no channel: between the client's writing and the node's reading nothing else looks at it.
 *   The same for an acknowledgement: it is a flag of the message, as the client knows it by its key. That it is lost
 *   is a choice at the moment when it would be said.
 * - The way from edge to device is one step with the device's taking it: it is in order, only its two ends see it, and
 *   a device that went before it took something is a device that went before it was said.
 * - A reading of the inbox is one step with handing it on: places don't change once they are committed, and what is
 *   noticed meanwhile is kept in `known` and looked at again afterwards.
 * - A commit is one step of Postgres: its locks make it so (delivery.pml takes them away). But it has its own time:
 *   what a node asked for, Postgres does later, even when the node has died.
 * - A frame on a link is either taken before the sender's death is noticed or never: dying takes away what is on the
 *   way, and taking commutes with dying, as it touches nothing of the dead.
 * - Time is not counted. "After so many ms" is written as what must have happened until then: "all living nodes have
 *   the table" (they renew each second, and don't commit without a lease), "the dead node's commit has ended",
 *   "the answer is on none of both links any more".
 * - Numbers of nodes are interchangeable; with SENDERS 1 and one message under way at a time the order of commits is
 *   that of messages, so bodies need not be carried: a place says it all.
 */
#ifndef N
#define N 2
#endif
#ifndef SENDERS
#define SENDERS 1
#endif
#ifndef MESSAGES
#define MESSAGES 2      /* of each sender */
#endif
#ifndef ROOM
#define ROOM 7          /* frames on a link at once: one too many is an error of this model, and told */
#endif
/* How often what may go wrong: */
#ifndef CRASH
#define CRASH 0         /* a node dies */
#endif
#ifndef LOST
#define LOST 0          /* a frame does not fit, or an acknowledgement is lost */
#endif
#ifndef UNKNOWN
#define UNKNOWN 0       /* a commit's answer is lost */
#endif
#ifndef TABLES
#define TABLES 0        /* there is a next table */
#endif
#ifndef LEAVES
#define LEAVES 0        /* the device goes, and its edge does not know yet */
#endif
#ifndef EARLY
#define EARLY 0         /* a message is sent again though it is under way */
#endif

#define ALL (SENDERS*MESSAGES)
#define NOBODY N
#define NONE 255        /* a table that was not read yet */
#define BIT(n) (1<<(n))
#define HOME(n) (view[n]==NONE -> n : view[n]%N)
#define LINK(from,to) link[(from)*N+(to)]
#if N==2
#define EACH(x) x(0) x(1)
#define ALL_OF(x) (x(0) && x(1))
#define ANY_OF(x) (x(0) || x(1))
#else
#define EACH(x) x(0) x(1) x(2)
#define ALL_OF(x) (x(0) && x(1) && x(2))
#define ANY_OF(x) (x(0) || x(1) || x(2))
#endif
/* Whom the dead node's messages concern is known when the table was read. */
#ifdef HEIR_EARLY
#define MAY_INHERIT(n) 1
#else
#define MAY_INHERIT(n) joined[n]
#endif
/* A notice is handed on once and again: the bound is for tables that disagree. */
#ifdef NO_HAND_ON
#define MAY_HAND_ON(hops) (hops==0)
#else
#define MAY_HAND_ON(hops) (hops<2)
#endif
/* A late answer to an earlier registration is like the last one: so the last one counts again. */
#ifdef ANSWER_ONCE
#define IS_ANSWERED(n) (user[n]==ASKED || user[n]==UNSURE)
#else
#define IS_ANSWERED(n) (user[n]==ASKED || user[n]==UNSURE || user[n]==HERE)
#endif
/* No answer to a registration can come any more: it took too long. */
#define ANSWER_LOST(n) (LINK(n,home[n])??[REGISTER,0,0,0]==0 && LINK(home[n],n)??[REGISTERED,0,0,0]==0)
#define HAS_TABLE(k) (dead[k] || view[k]==epoch)

mtype = { NOTICE, DELIVER, REGISTER, REGISTERED, LEAVE, DOUBT_HOME, DOUBT_EDGE };
mtype = { AWAY, WAITING, ASKED, HERE, UNSURE, AT_HOME };        /* of the user at an edge: node/here.c, AWAY: not there */

/* ---- Postgres: what nobody's death takes away ---- */
byte head;                      /* places 1 to head of the inbox */
byte place[ALL+1];              /* of each message; 0: not committed */
byte writer[ALL+1];             /* which node's id is in it, by place */
byte epoch;                     /* of the newest table: epoch%N is home */
byte to_evict = NOBODY;         /* a node whose lease ends */
byte orphan, orphan_of;         /* what a dead node had asked for, and nobody will hear of */

/* ---- a node ---- */
bool dead[N], joined[N];        /* joined: it has read list and table */
byte view[N], asked[N], done[N];        /* its table; the message that Postgres has from it; the place that came back */
bool again[N], told[N];         /* the answer was "known already"; notices are out, the acknowledgement is not */
byte registered[N];             /* as home: at which edges the user is */
byte gone[N];                   /* whose death it has not noticed yet */
byte heir_of[N], heir_looks[N];
bool look[N];                   /* there was a table: look once more when all have it */
chan link[N*N] = [ROOM] of { mtype, byte, byte, byte };    /* what, place, where it began, hops */

/* ---- a node as edge ---- */
mtype user[N]; byte home[N], old[N];
bool settled[N], begun[N], doubt[N];
byte next[N], known[N];         /* the place that the device gets next; up to where there are places */

/* ---- the device ---- */
byte at = NOBODY, cursor;
bool acked[ALL+1];
byte finished;                  /* senders */

byte crash=CRASH, lost=LOST, unknown=UNKNOWN, tables=TABLES, leaves=LEAVES, early=EARLY;
byte e_, h_, p_, i_, o_, t_;    /* of what happens inside a step; 0 between steps */

/* ---- links ---- */
/* To the dead, or to whom we hold for the old incarnation: it will never arrive. */
inline say(from, to, what, i, start, hops) {
    if
    :: dead[to] || (gone[from] & BIT(to)) -> skip
    :: else -> assert(nfull(LINK(from,to))); LINK(from,to)!what,i,start,hops
    fi
}
/* A full link drops, and says that it did when there is room. */
inline say_bounded(from, to, what, i, start, hops, doubted) {
    if
    :: say(from, to, what, i, start, hops)
    :: lost>0 -> lost--;
#ifndef NO_DOUBT
       say(from, to, doubted, 0, 0, 0)
#endif
    fi
}

/* ---- the edge ---- */
/* The device's next place, in order, or it is a gap on the wire. */
inline give(n, i) {
    if
    :: at==n -> assert(i==cursor+1); cursor=i
    :: else -> skip
    fi;
    next[n]=i+1
}
inline notice(n, i) {
    if
    :: user[n]!=AWAY && i>known[n] -> known[n]=i;
       if
#ifdef NO_GAPCHECK
       :: begun[n] -> give(n, i)
#elif defined(RIDE_EARLY)
       :: i==next[n] -> begun[n]=1; give(n, i)
#else
       :: begun[n] && settled[n] && i==next[n] -> give(n, i)
#endif
       :: else -> skip
       fi
    :: else -> skip
    fi
}
/* Whoever has read before this may have missed something: without a doubt nobody would look. */
inline settle(n) {
#ifdef READ_FIRST
    skip;
#elif defined(SETTLE_TRUSTS)
    if
    :: settled[n] -> doubt[n]=1
    :: else -> skip
    fi;
#else
    doubt[n]=1;
#endif
    settled[n]=1
}
inline find_home(n) {
    if
    :: user[n]!=AWAY && joined[n] && HOME(n)!=home[n] ->
       if
       :: user[n]==HERE || user[n]==ASKED -> old[n]=home[n]
       :: else -> skip
       fi;
       home[n]=HOME(n);
       if
       :: home[n]==old[n] -> old[n]=NOBODY
       :: else -> skip
       fi;
       if
       :: home[n]!=n -> user[n]=WAITING;
#ifdef READ_FIRST
          settled[n]=1
#endif
       :: else -> user[n]=AT_HOME; settle(n)
       fi
    :: else -> skip
    fi
}
inline forget_user(n) {
    user[n]=AWAY; home[n]=NOBODY; old[n]=NOBODY; settled[n]=0; begun[n]=0; doubt[n]=0; next[n]=0; known[n]=0
}

/* ---- notices ---- */
/* From n on: to the edges that are registered here, and to the home if that is another one. */
inline pass_on(me, it, start, far) {
    e_=0;
    do
    :: e_<N ->
       if
       :: (registered[me] & BIT(e_)) && e_!=me && e_!=start -> say_bounded(me, e_, DELIVER, it, 0, 0, DOUBT_EDGE)
       :: else -> skip
       fi;
       e_++
    :: else -> break
    od;
    e_=0;
    if
    :: HOME(me)!=me && MAY_HAND_ON(far) -> h_=HOME(me); say_bounded(me, h_, NOTICE, it, start, far+1, DOUBT_HOME); h_=0
    :: else -> skip
    fi
}

/* ---- dying ---- */
inline die(n) {
    crash--;
    if
    :: asked[n] -> orphan=asked[n]; orphan_of=n
    :: else -> skip
    fi;
    asked[n]=0; done[n]=0; again[n]=0; told[n]=0; registered[n]=0; look[n]=0; gone[n]=0; joined[n]=0; view[n]=NONE;
    heir_of[n]=NOBODY; heir_looks[n]=0;
    forget_user(n);
    if
    :: at==n -> at=NOBODY
    :: else -> skip
    fi;
    e_=0;
    do
    :: e_<N ->
       do
       :: nempty(LINK(n,e_)) -> LINK(n,e_)?_,_,_,_
       :: nempty(LINK(e_,n)) -> LINK(e_,n)?_,_,_,_
       :: empty(LINK(n,e_)) && empty(LINK(e_,n)) -> break
       od;
       if
       :: e_!=n -> gone[e_]=gone[e_] | BIT(n)
       :: else -> skip
       fi;
       e_++
    :: else -> break
    od;
    e_=0;
#ifdef GONE
    dead[n]=1; to_evict=n
#elif !defined(NO_HEIR)
    heir_of[n]=n; heir_looks[n]=2
#endif
}

/* What came over the link from there. */
inline take(n, from) {
    if
    :: LINK(from,n)?NOTICE,i_,o_,t_ -> notice(n, i_); pass_on(n, i_, o_, t_)
    :: LINK(from,n)?DELIVER,i_,o_,t_ -> notice(n, i_);
       if
       :: user[n]==AWAY -> say(n, from, LEAVE, 0, 0, 0)
       :: else -> skip
       fi
    :: LINK(from,n)?REGISTER,i_,o_,t_ -> registered[n]=registered[n] | BIT(from); say(n, from, REGISTERED, 0, 0, 0)
    :: LINK(from,n)?REGISTERED,i_,o_,t_ ->
       if
       :: home[n]==from && IS_ANSWERED(n) -> user[n]=HERE;
          if
          :: old[n]!=NOBODY -> say(n, old[n], LEAVE, 0, 0, 0); old[n]=NOBODY
          :: else -> skip
          fi;
          settle(n)
       :: else -> skip
       fi
    :: LINK(from,n)?LEAVE,i_,o_,t_ -> registered[n]=registered[n] & ~BIT(from)
    :: LINK(from,n)?DOUBT_HOME,i_,o_,t_ ->
       if
       :: user[n]!=AWAY -> doubt[n]=1
       :: else -> skip
       fi;
       e_=0;
       do
       :: e_<N ->
          if
          :: e_!=n -> say(n, e_, DOUBT_EDGE, 0, 0, 0)
          :: else -> skip
          fi;
          e_++
       :: else -> break
       od
    :: LINK(from,n)?DOUBT_EDGE,i_,o_,t_ ->
       if
       :: user[n]!=AWAY && (home[n]==from || old[n]==from) -> doubt[n]=1
       :: else -> skip
       fi
    fi;
    i_=0; o_=0; t_=0; e_=0
}
#define TAKE(k) :: atomic { joined[n] && !(gone[n] & BIT(k)) && nempty(LINK(k,n)) -> take(n, k) }

/* Tells again what a dead node wrote last: the newest place is enough, for whoever hears of it reads what is below. */
inline inherit(n) {
    p_=head;
    do
    :: p_>0 && writer[p_]!=heir_of[n] -> p_--
    :: else -> break
    od;
    i_=p_; p_=0;
    if
    :: i_>0 -> notice(n, i_); pass_on(n, i_, n, 0)
    :: else -> skip
    fi;
    i_=0
}

proctype node(byte n) {
end:
    do
    /* A commit was answered: first the notices, then the acknowledgement. */
    :: atomic { done[n] && !told[n] ->
#ifdef DUPLICATE_SILENT
        if
        :: again[n] -> skip
        :: else -> notice(n, done[n]); pass_on(n, done[n], n, 0)
        fi;
#else
        notice(n, done[n]); pass_on(n, done[n], n, 0);
#endif
        told[n]=1 }
    :: atomic { done[n] && told[n] ->
        p_=1;
        do
        :: place[p_]!=done[n] -> p_++
        :: else -> break
        od;
        if
        :: acked[p_]=1
        :: lost>0 -> lost--
        fi;
        p_=0; done[n]=0; told[n]=0; again[n]=0 }

    EACH(TAKE)

    /* Somebody died: what they had registered goes, what we had said to them is lost, and was perhaps a notice. */
    :: atomic { gone[n] && joined[n] ->
        p_=0;
        do
        :: !(gone[n] & BIT(p_)) -> p_++
        :: else -> break
        od;
        gone[n]=gone[n] & ~BIT(p_); registered[n]=registered[n] & ~BIT(p_);
        if
        :: old[n]==p_ -> old[n]=NOBODY
        :: else -> skip
        fi;
        if
        :: user[n]!=AWAY && home[n]==p_ ->
           if
           :: user[n]==HERE || user[n]==ASKED -> user[n]=UNSURE; settle(n)
           :: else -> skip
           fi;
           doubt[n]=1
        :: else -> skip
        fi;
        say(n, p_, DOUBT_HOME, 0, 0, 0);
        p_=0 }
#ifdef GONE
    /* Its lease has ended: one of the others evicts it, and tells what it wrote last. */
    :: d_step { joined[n] && to_evict!=NOBODY ->
#ifndef NO_HEIR
        heir_of[n]=to_evict; heir_looks[n]=2;
#endif
        epoch=epoch+(epoch%N==to_evict -> 1 : 0);
        to_evict=NOBODY }
#endif

    /* The table. Who comes back serves devices before it has read it: whoever is there by then enters now. */
    :: d_step { view[n]!=epoch && !dead[n] ->
        view[n]=epoch;
#ifndef NO_LOOK
        look[n]=1;
#endif
        if
        :: !joined[n] -> joined[n]=1; settled[n]=0; home[n]=NOBODY; old[n]=NOBODY
        :: else -> skip
        fi;
        find_home(n) }
    /* Nobody commits on an older one any more. */
    :: d_step { look[n] && ALL_OF(HAS_TABLE) ->
        look[n]=0;
        if
        :: user[n]!=AWAY -> doubt[n]=1
        :: else -> skip
        fi }

    :: atomic { heir_looks[n]==2 && MAY_INHERIT(n) ->
        inherit(n);
#ifdef HEIR_ONCE
        heir_looks[n]=0; heir_of[n]=NOBODY
#else
        heir_looks[n]=1
#endif
        }
    /* Once more when its last commit has ended, one way or the other. */
    :: atomic { heir_looks[n]==1 && joined[n] && !orphan -> inherit(n); heir_looks[n]=0; heir_of[n]=NOBODY }

    /* The edge: registers, gives up when no answer can come, reads, looks up what it doubts. */
    :: d_step { user[n]==WAITING && joined[n] && !(gone[n] & BIT(home[n])) ->
        if
        :: dead[home[n]] -> user[n]=UNSURE; settle(n)
        :: else -> user[n]=ASKED; say(n, home[n], REGISTER, 0, 0, 0)
        fi }
    :: d_step { (user[n]==ASKED || user[n]==UNSURE) && joined[n] && !dead[home[n]] && !(gone[n] & BIT(home[n])) &&
                ANSWER_LOST(n) ->
        settle(n); doubt[n]=1; user[n]=WAITING }
    :: d_step { user[n]!=AWAY && (settled[n] || !joined[n] || begun[n]) && (!begun[n] || known[n]>=next[n]) ->
        do
        :: next[n]<=head -> p_=next[n]; give(n, p_)
        :: else -> break
        od;
        p_=0; begun[n]=1; known[n]=head }
    :: d_step { doubt[n] && joined[n] ->
        doubt[n]=0;
        if
        :: known[n]<head -> known[n]=head
        :: else -> skip
        fi }
    :: d_step { user[n]!=AWAY && at!=n && joined[n] ->
        if
        :: home[n]!=n && home[n]!=NOBODY -> say(n, home[n], LEAVE, 0, 0, 0)
        :: else -> skip
        fi;
        if
        :: old[n]!=NOBODY -> say(n, old[n], LEAVE, 0, 0, 0)
        :: else -> skip
        fi;
        forget_user(n) }

    :: d_step { crash>0 && !dead[n] -> die(n) }
    od
}

/* Commits what nodes asked for, each in its own time; a batch is one message here. */
inline commit(n) {
    t_=asked[n];
    if
    :: place[t_] -> again[n]=1
    :: else -> assert(head<ALL); head++; place[t_]=head; writer[head]=n
    fi;
    if
    :: done[n]=place[t_]; asked[n]=0
    :: unknown>0 -> unknown--; again[n]=0       /* the node asks again, with the same key */
    fi;
    t_=0
}
#define COMMIT(k) :: atomic { asked[k] -> commit(k) }
proctype postgres() {
end:
    do
    EACH(COMMIT)
    :: d_step { orphan ->
        if
        :: !place[orphan] -> assert(head<ALL); head++; place[orphan]=head; writer[head]=orphan_of
        :: else -> skip
        fi;
        orphan=0; orphan_of=NOBODY }
    :: d_step { orphan -> orphan=0; orphan_of=NOBODY }      /* it did not come so far */
    od
}

/* Sends one after the other, to any living node, each until it is acknowledged. */
#define IS_WITH(k) (asked[k]==m || (done[k] && done[k]==place[m]))
#define SEND(k) :: atomic { m<last && !acked[m] && !asked[k] && !done[k] && !dead[k] && \
                            (early>0 || !ANY_OF(IS_WITH)) -> \
                            if :: ANY_OF(IS_WITH) -> early-- :: else -> skip fi; asked[k]=m }
proctype sender(byte s) {
    byte m=s*MESSAGES+1, last=(s+1)*MESSAGES+1;
    do
    :: d_step { m<last && acked[m] -> assert(place[m]); m++ }
    EACH(SEND)
#ifdef SENDER_GOES
    :: d_step { m<last && !acked[m] -> m=last }     /* before it was answered: it may stand there or not */
#endif
    :: d_step { m==last -> finished++ } -> break
    od
}

#define CONNECT(k) :: atomic { at==NOBODY && !dead[k] -> at=k; enter(k) }
inline enter(k) {
    next[k]=cursor+1; begun[k]=0;
    if
    :: user[k]==AWAY -> user[k]=UNSURE; find_home(k)
    :: else -> skip
    fi
}
proctype device() {
end:
    do
    EACH(CONNECT)
    :: d_step { at!=NOBODY && leaves>0 -> leaves--; at=NOBODY }
    od
}

proctype fate() {
end:
    do
    :: d_step { tables>0 -> tables--; epoch++ }
    :: d_step { finished==SENDERS && (crash || tables || leaves) -> crash=0; tables=0; leaves=0 }
    od
}

/* When nothing can happen any more, everything has. */
proctype check() {
    atomic { finished==SENDERS && timeout ->
        assert(at!=NOBODY && cursor==head);
#ifndef SENDER_GOES
        assert(head==ALL)
#endif
    }
}

init {
    d_step {
        do
        :: e_<N -> joined[e_]=1; heir_of[e_]=NOBODY; home[e_]=NOBODY; old[e_]=NOBODY; user[e_]=AWAY; e_++
        :: else -> break
        od;
        e_=0; orphan_of=NOBODY
    }
    atomic {
        run node(0); run node(1);
#if N>2
        run node(2);
#endif
        run postgres(); run sender(0);
#if SENDERS>1
        run sender(1);
#endif
        run device(); run fate(); run check()
    }
}
