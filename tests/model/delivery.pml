/* model/delivery.pml - order, exactly once, timelines, push, and the last net: one inbox, whole ways, two senders
 *
 * client -> node that commits -> Postgres -> home(user) -> edge -> device, with a channel between each two. 2 nodes,
 * each all three; 2 senders in 2 conversations, who repeat with the same key; one device, that comes back with its
 * cursor. Senders pick any node: stale tables, a node whose lease has ended, mixed versions. Registering is one step
 * here, and anti-entropy is on (NO_AE takes it away); what the quick rules alone can do is in ring.pml.
 *
 * Budgets: CRASH a node dies at any step; LOSS a lost notice, acknowledgement or request; DBERR a commit whose answer
 * is lost; RING a new table; DISC the device goes and its edge does not know; SPUR a client repeats though nothing is
 * lost. With LOSSY_FAILOVER Postgres loses its newest place once, TIMELINE is the rule against it; PUSH adds the
 * pusher.
 *
 * Checked: acknowledged is durable; one place for each message, without gaps; a sender's order; each device gets the
 * message that stands at a place, in order, never with a gap; at the end everything was delivered, or pushed.
 */
#ifndef MESSAGES
#define MESSAGES 1
#endif
#ifndef CRASH
#define CRASH 0
#endif
#ifndef LOSS
#define LOSS 0
#endif
#ifndef DBERR
#define DBERR 0
#endif
#ifndef RING
#define RING 0
#endif
#ifndef DISC
#define DISC 0
#endif
#ifndef SPUR
#define SPUR 0
#endif
#define ALL (2*MESSAGES)
#define NONE 3
#define HOME(e) ((e)%2)
#define BIT(n) (1<<(n))
#define PLACES 7

/* Postgres */
byte inbox[PLACES], head, timeline, timeline_head, push_mark, device_acked;
bool committed[PLACES];
byte nextseq = 0;          /* NO_LOCK mutant: sequence counter, visible out of order */
/* nodes: lost when they die */
byte epoch, view[2], registered[2], edge_next[2], edge_timeline[2];
bool edge_has[2], edge_gap[2], edge_to_register[2];
chan request[2] = [1] of {byte,byte}; chan notice[2] = [1] of {byte,byte}; chan deliver[2] = [1] of {byte,byte};
chan wire[2] = [1] of {byte,byte}; chan ack[2] = [1] of {byte};
byte crash=CRASH, loss=LOSS, dberr=DBERR, ring=RING, disc=DISC, spur=SPUR;
#ifdef LOSSY_FAILOVER
byte failovers=1;
#endif
/* the device */
byte cursor, at=NONE, device_log[PLACES], device_timeline, senders_done, pushed, pushes;
bool device_off, acked[PLACES];

inline flush(c,x,y){ do :: nempty(c) -> c?x,y :: empty(c) -> break od }
inline die(n,x,y){ atomic{ crash--;
  flush(request[n],x,y); flush(notice[n],x,y); flush(deliver[n],x,y); flush(wire[n],x,y);
  registered[n]=0; edge_has[n]=0; edge_gap[n]=0; view[n]=epoch; if :: at==n -> at=NONE :: else fi; x=0; y=0 } }
#define MAY_DIE if :: crash>0 -> die(n,s,m); goto idle :: skip fi

proctype node(byte n){ byte s,m,q,h;
idle: atomic{ s=0; m=0; q=0; h=0 };
end: do
 :: request[n]?s,m ->
#ifdef ACK_EARLY
    if :: nfull(ack[s]) -> ack[s]!m :: full(ack[s]) fi;
#endif
    MAY_DIE;
    /* one transaction: dedup by (sender, client_msg_id), seq under the inbox row lock, message + inbox row */
#ifdef NO_LOCK
    if :: committed[m] -> q=1; do :: q<PLACES-1 && inbox[q]!=m -> q++ :: else -> break od
       :: !committed[m] -> atomic{ nextseq++; q=nextseq };          /* seq allocated ... */
          MAY_DIE;
          atomic{ if :: !committed[m] -> inbox[q]=m; committed[m]=1; if :: q>head -> head=q :: else fi :: else fi } /* ... commit */
    fi;
#else
    atomic{ q=1; do :: q<=head && inbox[q]!=m -> q++ :: else -> break od;
#ifdef NO_DEDUP
      q=head+1;
#endif
      if :: q>head -> assert(head<PLACES-1); head++; q=head; inbox[head]=m;
            assert(!(m>1 && m!=MESSAGES+1) || committed[m-1]);            /* FIFO per sender */
#ifndef NO_DEDUP
            assert(!committed[m]);
#endif
            committed[m]=1 :: else fi;
#ifdef TIMELINE
      q=q+16*timeline      /* the notice carries the timeline it was committed in */
#endif
      };
#endif
    if :: dberr>0 -> dberr--; goto idle      /* COMMIT outcome unknown: no reply, no notice */
       :: skip fi;
    MAY_DIE;
    h=HOME(view[n]);
    atomic{ if :: nfull(notice[h]) -> notice[h]!q,m :: full(notice[h]) :: loss>0 -> loss-- fi };
    MAY_DIE;
#ifndef ACK_EARLY
    atomic{ if :: nfull(ack[s]) -> ack[s]!m :: full(ack[s]) :: loss>0 -> loss-- fi };
#endif
    goto idle
 :: atomic{ notice[n]?q,m -> h=0;
       do :: h<2 -> if :: registered[n]&BIT(h) -> if :: nfull(deliver[h]) -> deliver[h]!q,m :: full(deliver[h]) :: loss>0 -> loss-- fi
                                               :: else fi; h++ :: else -> break od }; goto idle
 :: atomic{ deliver[n]?q,m ->
#ifdef TIMELINE
       if :: q/16!=edge_timeline[n] -> q=0 :: else -> q=q%16 fi;
#endif
       if :: !edge_has[n]
#ifdef NO_GAPCHECK
         :: edge_has[n] && nfull(wire[n]) -> wire[n]!q,m; edge_next[n]=q+1
         :: edge_has[n] && full(wire[n])
#else
         :: edge_has[n] && q==edge_next[n] && nfull(wire[n]) && !edge_gap[n] -> wire[n]!q,m; edge_next[n]=q+1
         :: edge_has[n] && q==edge_next[n] && (full(wire[n])||edge_gap[n]) -> edge_gap[n]=1
         :: edge_has[n] && q>edge_next[n] -> edge_gap[n]=1
         :: edge_has[n] && q<edge_next[n]
#endif
         fi }; goto idle
 :: d_step{ edge_gap[n] && edge_has[n] && edge_next[n]<=head && nfull(wire[n]) -> wire[n]!edge_next[n],inbox[edge_next[n]]; edge_next[n]=edge_next[n]+1 }
 :: d_step{ edge_gap[n] && (!edge_has[n] || edge_next[n]>head) -> edge_gap[n]=0 }
 :: d_step{ view[n]<epoch -> view[n]=epoch; if :: edge_has[n] -> registered[HOME(epoch)]=registered[HOME(epoch)]|BIT(n) :: else fi } /* re-register */
#ifdef READ_FIRST
 :: d_step{ edge_to_register[n] && !edge_gap[n] -> edge_to_register[n]=0; registered[HOME(view[n])]=registered[HOME(view[n])]|BIT(n) }
#endif
#ifdef TIMELINE
 :: d_step{ edge_has[n] && edge_timeline[n]!=timeline -> edge_has[n]=0; edge_gap[n]=0; if :: at==n -> at=NONE :: else fi }
#endif
#ifndef NO_AE
 :: atomic{ timeout && edge_has[n] && !edge_gap[n] && edge_next[n]<=head -> edge_gap[n]=1 }            /* anti-entropy timer */
#endif
 :: crash>0 -> die(n,s,m)
 od }

proctype sender(byte s){ byte k,m,x,t;
 do :: k<MESSAGES -> m=1+s*MESSAGES+k;
  again: if :: t=0 :: t=1 fi;
    atomic{ if :: nfull(request[t]) -> request[t]!s,m :: full(request[t]) fi; t=0 };
  wait: if :: ack[s]?x -> if :: x==m -> acked[m]=1;
#ifndef LOSSY_FAILOVER
              assert(committed[m]);                                   /* acked => durable */
#endif
              k++; x=0 :: else -> x=0; goto wait fi
         :: timeout -> goto again
         :: spur>0 -> spur--; goto again fi
    :: else -> break od;
 senders_done++ }

proctype device(){ byte q,m,c;
end: do
 :: at==NONE && !device_off -> if :: c=0 :: c=1 fi;
    atomic{ at=c; edge_has[c]=1; edge_timeline[c]=timeline; edge_gap[c]=0;
#ifdef TIMELINE
      if :: device_timeline!=timeline -> if :: cursor>timeline_head -> cursor=timeline_head :: else fi; device_timeline=timeline :: else fi;
#endif
      edge_next[c]=cursor+1; flush(wire[c],q,m); q=0; m=0 };
#ifdef READ_FIRST
    atomic{ if :: at==c && edge_has[c] -> edge_gap[c]=1; edge_to_register[c]=1 :: else fi; c=0 }
#else
    atomic{ if :: at==c -> registered[HOME(view[c])]=registered[HOME(view[c])]|BIT(c) :: else fi };   /* register first */
    if :: at==c && edge_has[c] -> edge_gap[c]=1 :: else fi; c=0                                  /* then read the backlog */
#endif
 :: atomic{ at!=NONE && nempty(wire[at]) -> wire[at]?q,m;
      if :: q==cursor+1 -> cursor++; device_log[cursor]=m;
#ifndef LOSSY_FAILOVER
            assert(m!=0 && m==inbox[q])                           /* right message at this seq, in order */
#endif
         :: q<=cursor                                               /* duplicate: dropped by seq */
         :: q>cursor+1 -> assert(0)                                 /* never a gap on the wire */
      fi; q=0; m=0 }
 :: disc>0 && at!=NONE -> disc--; at=NONE                   /* half-open: the old edge does not know */
#ifdef PUSH
 :: d_step{ device_acked<cursor && at!=NONE -> device_acked=cursor }
 :: d_step{ !device_off -> device_off=1; at=NONE }                         /* goes offline for good */
#endif
 od }

proctype ringchange(){ end: do :: ring>0 -> ring--; epoch++ od }
#ifdef LOSSY_FAILOVER
proctype failover(){ end: do :: d_step{ failovers>0 && head>0 -> failovers--; committed[inbox[head]]=0; inbox[head]=0; head--; timeline++; timeline_head=head } od }
#endif
#ifdef PUSH
byte pusher_crash=1;
proctype pusher(){ byte h;
end: do
#ifdef PUSH_ON_REG
 :: atomic{ timeout && head>push_mark && head>device_acked && registered[0]==0 && registered[1]==0 -> h=head };
#else
 :: atomic{ timeout && head>push_mark && head>device_acked -> h=head };       /* sweep on durable facts only */
#endif
#ifdef MARK_FIRST
    push_mark=h; if :: pusher_crash>0 -> pusher_crash--; goto end :: skip fi; pushed=h; pushes++
#else
    d_step{ pushed=h; pushes++ }; if :: pusher_crash>0 -> pusher_crash--; goto end :: skip fi; push_mark=h
#endif
 od }
#endif
#ifdef NO_AE
#define AEPENDING 0
#else
#define AEPENDING ((edge_has[0]&&!edge_gap[0]&&edge_next[0]<=head)||(edge_has[1]&&!edge_gap[1]&&edge_next[1]<=head))
#endif
#ifdef PUSH
#ifdef PUSH_ON_REG
#define PUPENDING (head>push_mark && head>device_acked && registered[0]==0 && registered[1]==0)
#else
#define PUPENDING (head>push_mark && head>device_acked)
#endif
#else
#define PUPENDING 0
#endif
#ifdef TIMELINE
#define TLPENDING ((edge_has[0]&&edge_timeline[0]!=timeline)||(edge_has[1]&&edge_timeline[1]!=timeline))
#else
#define TLPENDING 0
#endif
proctype check(){ byte i;
 atomic{ senders_done==2 && timeout && !TLPENDING && !AEPENDING && !PUPENDING && (at!=NONE || device_off) ->
#ifndef LOSSY_FAILOVER
  i=1; do :: i<=ALL -> assert(committed[i] && acked[i]); i++ :: else -> break od;      /* */
#ifndef NO_LOCK
  assert(head==ALL);                                                              /* exactly once in the inbox, dense */
#endif
#else
#ifndef TIMELINE_ONLY_CONV
  i=1; do :: i<=ALL -> assert(!acked[i] || committed[i]); i++ :: else -> break od;     /* acked lost by lossy failover */
#endif
#endif
#ifdef PUSH
  assert(cursor==head || pushed==head); assert(pushes<=head+1);                      /* */
#else
  assert(cursor==head);                                                             /* delivered to the device */
  i=1; do :: i<=cursor -> assert(device_log[i]==inbox[i]); i++ :: else -> break od;       /* identical order */
#endif
 } }
init { atomic{ run node(0); run node(1); run sender(0); run sender(1); run device(); run ringchange();
#ifdef LOSSY_FAILOVER
 run failover();
#endif
#ifdef PUSH
 run pusher();
#endif
 run check() } }
